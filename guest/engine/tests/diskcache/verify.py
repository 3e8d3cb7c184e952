"""Opens an export with python-diskcache: verify.py DIRECTORY < EXPECTED.

Each line of EXPECTED has four Python expressions, with tabs between: key, value, tag and time of
expiry, in the order in which the entries are to be enumerated.
"""

import sqlite3
import struct
import sys
import warnings

import diskcache


def same(a, b):
    if type(a) is not type(b):
        return False
    if type(a) is float:
        return struct.pack("d", a) == struct.pack("d", b)
    return a == b


def brief(thing):
    text = repr(thing)
    return text if len(text) < 200 else f"{text[:100]}... ({len(thing)} in all)"


def entries(directory, expected):
    connection = sqlite3.connect(f"file:{directory}/cache.db?mode=ro", uri=True)
    rows = connection.execute("SELECT rowid, count(*) OVER () FROM Cache ORDER BY rowid").fetchall()
    connection.close()
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1)), "rowids are not in a row"
    with diskcache.Cache(directory) as cache:
        keys = list(cache)
        assert len(cache) == len(keys) == len(rows) == len(expected), (len(cache), len(keys), len(expected))
        for found, (key, value, tag, expires) in zip(keys, expected):
            assert same(found, key), f"the key {brief(key)} is {brief(found)}"
            stored = cache.get(found, expire_time=True, tag=True)
            for what, a, b in zip(("value", "expiry", "tag"), stored, (value, expires, tag)):
                assert same(a, b), f"{what} of {brief(key)}: {brief(a)} instead of {brief(b)}"


def use(directory):
    """Whether it can be used as if diskcache had made it."""
    with diskcache.Cache(directory) as cache:
        before = len(cache)
        cache.set("new", "x" * 100_000, tag="new")
        cache["new too"] = (1, 2)
        assert cache.incr("counter") == 1
        assert len(cache) == before + 3
        assert cache.get("new") == "x" * 100_000
        assert cache.check() == []
        assert cache.evict("new") == 1
        del cache["new too"]
        assert cache.pop("counter") == 1
        assert len(cache) == before
        assert cache.check() == []


directory = sys.argv[1]
warnings.simplefilter("error")
expected = [tuple(map(eval, line.rstrip("\n").split("\t"))) for line in sys.stdin]
with diskcache.Cache(directory) as cache:
    assert [str(warning.message) for warning in cache.check()] == []
entries(directory, expected)
use(directory)
