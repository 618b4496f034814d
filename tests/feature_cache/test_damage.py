"""A damaged file and a bad disk cost a warning and some time, never a result."""

import contextlib
import os
import sqlite3
import warnings

import numpy as np
import pytest

from skmultigran import FeatureCache
from skmultigran.feature_cache import _database


@pytest.fixture
def stored(tmp_path, namespace, make_rows, new_process):
    """A cache with rows on disk alone, their keys, and the rows."""
    keys, rows = make_rows(50, 500)
    cache = FeatureCache(tmp_path)
    cache.put_many(namespace, keys, rows)
    new_process()
    return cache, keys, rows


def test_a_flipped_byte_costs_its_row_alone(stored, namespace, file, new_process):
    cache, keys, rows = stored
    content = bytearray(file.read_bytes())
    content[content.index(rows[7].tobytes()) + 100] ^= 1
    file.write_bytes(content)

    found = cache.get_many(namespace, keys)
    assert found[7] is None
    assert all(np.array_equal(found[i], rows[i]) for i in range(50) if i != 7)
    assert cache.info()[:3] == (49, 1, 49)
    cache.put_many(namespace, keys[7:8], rows[7:8])
    new_process()
    assert np.array_equal(cache.get_many(namespace, keys), rows)


def test_a_row_under_the_wrong_key_is_noticed(stored, namespace, file):
    cache, keys, _ = stored
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        where = "WHERE key = ?"
        (other,) = connection.execute(
            f"SELECT row FROM entries {where}", keys[1:2]
        ).fetchone()
        connection.execute(f"UPDATE entries SET row = ? {where}", (other, keys[0]))
    found = cache.get_many(namespace, keys[:2])
    assert found[0] is None


def overwritten(content):
    return b"not a database" + content[14:]


def with_garbage(content):
    return content[:65536] + b"\x07" * (len(content) - 65536)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:1000],
        overwritten,
        with_garbage,
        lambda content: content.replace(b"TABLE counts", b"TABLE c\xff\xfents"),
        lambda content: content.replace(b"checksum INTEGER", b"chocksum INTEGER"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_begun_anew(stored, namespace, file, damage, new_process):
    cache, keys, rows = stored
    before = file.read_bytes()
    file.write_bytes(damage(before))
    assert file.read_bytes() != before
    with pytest.warns(UserWarning, match="was damaged .* begun anew"):
        assert cache.get_many(namespace, keys) == [None] * 50
    cache.put_many(namespace, keys, rows)
    new_process()
    assert np.array_equal(cache.get_many(namespace, keys), rows)


def test_an_empty_file_is_a_new_one(stored, namespace, file):
    cache, keys, _ = stored
    file.write_bytes(b"")
    assert cache.get_many(namespace, keys) == [None] * 50


def test_any_damage_gives_right_rows_or_none(stored, namespace, file, seed):
    cache, keys, rows = stored
    content = file.read_bytes()
    rng = np.random.default_rng(seed)
    for _ in range(20):
        damaged = bytearray(content)
        start = 65536 * rng.integers(len(content) // 65536)
        for position in start + rng.integers(0, 300, size=3):
            damaged[position] = rng.integers(256)
        file.write_bytes(damaged)
        fresh = FeatureCache(cache.location, max_memory_bytes=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = fresh.get_many(namespace, keys)
            fresh.put_many(namespace, keys, rows)
        assert all(
            row is None or np.array_equal(row, expected)
            for row, expected in zip(found, rows, strict=True)
        )


@pytest.fixture
def connection_with(monkeypatch):
    """Let each connection begin with a statement of ours."""
    plain_open = _database._open

    def use(statement):
        def changed_open(path):
            connection = plain_open(path)
            connection.execute(statement)
            return connection

        monkeypatch.setattr(_database, "_open", changed_open)

    return use


def test_what_is_read_only_is_read(stored, namespace, make_rows, monkeypatch, file):
    cache, keys, rows = stored
    monkeypatch.setattr(
        _database,
        "_open",
        lambda path: sqlite3.connect(
            f"file:{path}?mode=ro", uri=True, isolation_level=None
        ),
    )
    before = file.read_bytes()
    new_keys, new_rows = make_rows(2, 500, seed=1)
    with pytest.warns(UserWarning, match="readonly database.*make the folder writ"):
        found = cache.get_many(namespace, keys)
    assert np.array_equal(found, rows)
    # One warning is enough; new rows are kept in memory, and counts are not lost.
    cache.put_many(namespace, new_keys, new_rows)
    assert np.array_equal(cache.get_many(namespace, new_keys), new_rows)
    assert cache.info()[:3] == (52, 0, 50)
    assert file.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="Root may write everywhere.")
def test_a_folder_without_the_right_to_write(stored, namespace, tmp_path):
    cache, keys, rows = stored
    tmp_path.chmod(0o500)
    try:
        with pytest.warns(UserWarning, match="make the folder writable"):
            found = cache.get_many(namespace, keys)
    finally:
        tmp_path.chmod(0o700)
    assert np.array_equal(found, rows)


def test_a_full_disk_leaves_memory(stored, namespace, make_rows, connection_with):
    cache, keys, rows = stored
    new_keys, new_rows = make_rows(100, 5000, seed=1)
    connection_with("PRAGMA max_page_count = 8")
    with pytest.warns(UserWarning, match="disk is full.*Give the disk space"):
        cache.put_many(namespace, new_keys, new_rows)
    assert np.array_equal(cache.get_many(namespace, new_keys), new_rows)
    assert np.array_equal(cache.get_many(namespace, keys), rows)
    assert cache.info().entries == 50


def test_a_folder_that_cannot_be_made(tmp_path, namespace, make_rows):
    (tmp_path / "file").write_text("")
    keys, rows = make_rows(3)
    cache = FeatureCache(tmp_path / "file" / "folder")
    with pytest.warns(UserWarning, match="Not a directory.*choose another location"):
        cache.put_many(namespace, keys[:2], rows[:2])
    found = cache.get_many(namespace, keys)
    assert np.array_equal(found[:2], rows[:2])
    assert found[2] is None
    assert cache.info() == (2, 1, 2, 64)
    cache.clear()
    assert cache.info() == (0, 0, 0, 0)
