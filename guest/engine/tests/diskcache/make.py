"""Fills a directory with python-diskcache: make.py KIND DIRECTORY."""

import sys
import time

import diskcache


def natives(cache):
    cache.set(1, 2)
    cache.set(0.5, -0.25)
    cache.set("text", "v\0é", tag="label")
    cache.set(b"\x00\xff", b"\x01\x02", tag=7)
    cache.set("long text", "a\r\nb" * 20000)
    cache.set("long bytes", bytes(range(256)) * 400, tag=b"raw")
    cache.set("nan", float("nan"))
    cache.set((1, "tuple"), {"a": [1]})
    cache.set("pickled", None)
    cache.set("long pickle", list(range(40000)))
    cache.set("later", "x", expire=10**9)
    cache.set("gone", "x", expire=0.001)
    time.sleep(0.01)


kind, directory = sys.argv[1:]
if kind == "cache":
    with diskcache.Cache(directory, cull_limit=0) as cache:
        natives(cache)
elif kind == "fanout":
    with diskcache.FanoutCache(directory, shards=3, cull_limit=0, timeout=60) as cache:
        natives(cache)
        cache.deque("jobs/today").append("job")
        cache.index("names")["a"] = 1
elif kind == "deque":
    diskcache.Deque(["a", "b"], directory).appendleft("first")
elif kind == "index":
    diskcache.Index(directory, [("z", 1), ("a", 2), ("m", 3)])
