"""Compares an export with what diskcache itself makes: compare.py DIRECTORY POLICY SIZE_LIMIT."""

import os
import sqlite3
import sys
import tempfile

import diskcache


def contents(directory):
    connection = sqlite3.connect(os.path.join(directory, "cache.db"))
    schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").fetchall()
    settings = dict(connection.execute("SELECT key, value FROM Settings").fetchall())
    pragmas = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_size", "auto_vacuum", "journal_mode", "encoding", "user_version", "application_id")
    }
    connection.close()
    return schema, settings, pragmas


directory, policy, size_limit = sys.argv[1:]
files = sorted(os.listdir(directory))
assert files == ["cache.db"], files
with tempfile.TemporaryDirectory() as other:
    diskcache.Cache(other, eviction_policy=policy, size_limit=int(size_limit)).close()
    for ours, theirs in zip(contents(directory), contents(other)):
        assert ours == theirs, f"\n{ours}\n{theirs}"
