"""Does operations on the real python-diskcache: a JSON object a line, one answer for each.

Time stands still unless an operation moves it. Where Larder is deliberately different, and only there,
this does what Larder does, and names the rule of docs/conformance.md that says so in its answer.
"""

import json
import os
import re
import sys
import time
import types
import warnings

import diskcache

QUEUED = re.compile(r"^q\d-(\d{15})$")
FIRST = 500_000_000_000_000

clock = types.SimpleNamespace(now=float(2**30))
time.time = lambda: clock.now


def decode(one):
    (kind, content), = one.items()
    return bytes.fromhex(content) if kind == "bytes" else float(content) if kind == "real" else content


def encode(value):
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    kinds = {int: "integer", float: "real", str: "text"}
    return {kinds[type(value)]: value}


class Subject:
    def __init__(self, directory, shards):
        self.directory, self.shards = directory, shards
        self.transaction = None
        self.rules = set()
        self.open()

    def open(self):
        # Nothing is removed by the way.
        self.rules.add("expiry.lazy")
        if self.shards == 1:
            self.cache = diskcache.Cache(self.directory, cull_limit=0)
            self.all = [self.cache]
        else:
            self.cache = diskcache.FanoutCache(self.directory, shards=self.shards, timeout=60, cull_limit=0)
            self.all = list(self.cache._shards)

    def key(self, one):
        key = decode(one)
        if self.shards > 1 and isinstance(key, float) and key.is_integer():
            # Equal numbers are one key, in whatever shard.
            self.rules.add("shards.hash")
            key = int(key)
        return key

    def shard(self, key):
        return self.all[self.cache._hash(key) % self.shards] if self.shards > 1 else self.cache

    def purge(self, key, rule):
        """Removes the row under a key if it has expired."""
        shard = self.shard(key)
        db_key, raw = shard._disk.put(key)
        where = "key = ? AND raw = ? AND expire_time <= ?"
        for rowid, in shard._sql(f"SELECT rowid FROM Cache WHERE {where}", (db_key, raw, clock.now)).fetchall():
            self.drop(shard, rowid)
            self.rules.add(rule)

    def expires_now(self, key):
        shard = self.shard(key)
        rows = shard._sql("SELECT 1 FROM Cache WHERE key = ? AND raw = ? AND expire_time = ?", (*shard._disk.put(key), clock.now))
        return bool(rows.fetchall())

    def drop(self, shard, rowid):
        (filename,), = shard._sql("SELECT filename FROM Cache WHERE rowid = ?", (rowid,)).fetchall()
        shard._sql("DELETE FROM Cache WHERE rowid = ?", (rowid,))
        if filename is not None and self.transaction is None:
            shard._disk.remove(filename)

    def expired_in_front(self, prefix, side):
        order = "ASC" if side == "front" else "DESC"
        rows = self.cache._sql(
            f"SELECT rowid, expire_time FROM Cache WHERE ? < key AND key < ? AND raw = 1 ORDER BY key {order}",
            (f"{prefix}-{0:015d}", f"{prefix}-{10**15 - 1:015d}"),
        ).fetchall()
        for rowid, expire_time in rows:
            if expire_time is None or expire_time > clock.now:
                return
            yield rowid, expire_time

    # Operations.

    def set(self, key, value, ttl, tag):
        self.purge(key, "set.expired-place")
        assert self.cache.set(key, value, expire=ttl, tag=tag) is True

    def add(self, key, value, ttl, tag):
        self.purge(key, "set.expired-place")
        return self.cache.add(key, value, expire=ttl, tag=tag)

    def get(self, key):
        value, expires, tag = self.cache.get(key, expire_time=True, tag=True)
        return self.found(value, expires, tag)

    def pop(self, key):
        value, expires, tag = self.cache.pop(key, expire_time=True, tag=True)
        return self.found(value, expires, tag)

    @staticmethod
    def found(value, expires, tag):
        return None if value is None else [encode(value), None if expires is None else round((expires - clock.now) * 1000), tag]

    def contains(self, key):
        return key in self.cache

    def delete(self, key):
        live = key in self.cache
        if not live:
            self.purge(key, "delete.expired-row")
        assert self.cache.delete(key) is live
        return live

    def touch(self, key, ttl):
        return self.cache.touch(key, expire=ttl)

    def increment(self, key, delta, initial):
        if initial is not None:
            self.purge(key, "set.expired-place")
        elif self.expires_now(key):
            self.rules.update({"increment.expired-now", "increment.no-default"})
            return None
        try:
            return encode(self.cache.incr(key, delta, default=initial))
        except KeyError:
            self.rules.add("increment.no-default")
            return None
        except TypeError:
            return "wrong type"
        except OverflowError:
            return "overflow"

    def position(self, key):
        self.rules.add("queue.keys")
        return int(QUEUED.match(key)[1]) - FIRST

    def push(self, queue, value, side, ttl, tag):
        return self.position(self.cache.push(value, prefix=queue, side=side, expire=ttl, tag=tag))

    def pull(self, queue, side):
        for rowid, expire_time in list(self.expired_in_front(queue, side)):
            self.drop(self.cache, rowid)
            if expire_time == clock.now:
                self.rules.add("queue.expired-now")
        return self.queued(self.cache.pull(prefix=queue, side=side, expire_time=True, tag=True))

    def peek(self, queue, side):
        hidden = [rowid for rowid, _ in self.expired_in_front(queue, side)]
        self.hide(hidden, 2)
        answer = self.queued(self.cache.peek(prefix=queue, side=side, expire_time=True, tag=True))
        self.hide(hidden, 1)
        return answer

    def hide(self, rows, raw):
        for rowid in rows:
            self.rules.add("queue.peek-expired")
            self.cache._sql("UPDATE Cache SET raw = ? WHERE rowid = ?", (raw, rowid))

    def queued(self, pulled):
        (key, value), expires, tag = pulled
        if key is None:
            self.rules.add("queue.pull-empty")
            return None
        return [self.position(key), *self.found(value, expires, tag)]

    def count(self):
        return len(self.cache)

    def keys(self, reverse):
        keys = list(reversed(self.cache) if reverse else iter(self.cache))
        if self.shards > 1:
            self.rules.add("shards.order")
        return self.listed(keys)

    def iterkeys(self, reverse):
        return self.listed(self.cache.iterkeys(reverse=reverse))

    def listed(self, keys):
        keys = list(keys)
        left = [key for key in keys if not (isinstance(key, str) and QUEUED.match(key))]
        if len(left) < len(keys):
            self.rules.add("queue.listed")
        return [encode(key) for key in left]

    def evict(self, tag):
        return self.cache.evict(tag)

    def expire(self):
        if any(shard._sql("SELECT 1 FROM Cache WHERE expire_time = ?", (clock.now,)).fetchall() for shard in self.all):
            self.rules.add("expire.at-the-boundary")
        return sum(shard.expire(now=clock.now + 0.001) for shard in self.all)

    def clear(self):
        return self.cache.clear()

    def begin(self):
        self.kept = {}
        for shard in self.all:
            for filename, in shard._sql("SELECT filename FROM Cache WHERE filename IS NOT NULL").fetchall():
                path = f"{shard.directory}/{filename}"
                with open(path, "rb") as file:
                    self.kept[path] = file.read()
        self.transaction = self.cache.transact(retry=True)
        self.transaction.__enter__()

    def end(self, commit):
        transaction, self.transaction = self.transaction, None
        if commit:
            transaction.__exit__(None, None, None)
            return
        wanted = RuntimeError("rolled back")
        try:
            transaction.__exit__(RuntimeError, wanted, None)
        except RuntimeError as raised:
            assert raised is wanted
        self.restore()

    def restore(self):
        """What a rollback has lost, and what it has left."""
        for path, content in self.kept.items():
            if not os.path.exists(path):
                self.rules.add("transaction.rollback-keeps-files")
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(content)

    def reopen(self):
        self.cache.close()
        self.open()

    def advance(self, seconds):
        clock.now += seconds

    def check(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = [str(warning.message) for shard in self.all for warning in shard.check()]
        # Empty directories, and files that a rollback has left.
        return [text for text in found if not text.startswith(("empty directory", "unknown file"))]


def main():
    subject = Subject(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        request = json.loads(line)
        operation = request.pop("do")
        for name in ("value", "delta", "initial"):
            if request.get(name) is not None:
                request[name] = decode(request[name])
        if "key" in request:
            request["key"] = subject.key(request["key"])
        answer = getattr(subject, operation)(**request)
        print(json.dumps({"answer": answer, "rules": sorted(subject.rules)}), flush=True)
        subject.rules.clear()


main()
