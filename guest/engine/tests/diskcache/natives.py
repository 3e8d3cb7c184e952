"""Finds in an export what make.py has stored, imported and exported again: natives.py DIRECTORY."""

import sys
import time

import diskcache

with diskcache.Cache(sys.argv[1]) as cache:
    assert cache.check() == []
    expected = {
        1: 2,
        0.5: -0.25,
        "text": "v\0é",
        b"\x00\xff": b"\x01\x02",
        "long text": "a\r\nb" * 20000,
        "long bytes": bytes(range(256)) * 400,
        (1, "tuple"): {"a": [1]},
        "pickled": None,
        "long pickle": list(range(40000)),
        "later": "x",
    }
    found = {key: cache[key] for key in cache}
    assert found == expected, found.keys() ^ expected.keys()
    assert all(type(found[key]) is type(value) for key, value in expected.items())
    tags = {key: cache.get(key, tag=True)[1] for key in cache}
    # A tag that was a number has become its text, one of bytes is gone.
    assert {key: tag for key, tag in tags.items() if tag is not None} == {"text": "label", b"\x00\xff": "7"}
    expiry = cache.get("later", expire_time=True)[1]
    assert abs(expiry - time.time() - 10**9) < 300, expiry
    cache[(1, "tuple")] = 5
    assert len(cache) == len(expected)
print("all is there")
