"""Empties queues of an export: pull.py DIRECTORY PREFIX..., printing what comes, a queue to a line."""

import sys

import diskcache

directory, *prefixes = sys.argv[1:]
with diskcache.Cache(directory) as cache:
    assert cache.check() == []
    for prefix in prefixes:
        values = []
        while True:
            key, value = cache.pull(prefix=prefix)
            if key is None:
                break
            values.append(value)
        print(values)
    assert cache.check() == []
