"""Caps hold in memory and on disk, and the least recently used rows go first."""

import numpy as np
import pytest

from skmultigran import FeatureCache
from skmultigran.feature_cache import _database

MIB = 2**20


def known(cache, namespace, keys):
    return [row is not None for row in cache.get_many(namespace, keys)]


def test_memory_keeps_the_rows_used_last(tmp_path, namespace, make_rows):
    keys, rows = make_rows(4, 1000)
    # Three rows of 4,000 bytes and what Python needs; nothing on disk.
    cache = FeatureCache(tmp_path, max_memory_bytes=14_000, max_disk_bytes=0)
    cache.put_many(namespace, keys[:3], rows[:3])
    cache.get_many(namespace, keys[:1])
    cache.put_many(namespace, keys[3:], rows[3:])
    assert known(cache, namespace, keys) == [True, False, True, True]


def test_without_memory_rows_come_from_disk(tmp_path, namespace, make_rows):
    keys, rows = make_rows(3)
    cache = FeatureCache(tmp_path, max_memory_bytes=0)
    cache.put_many(namespace, keys, rows)
    assert np.array_equal(cache.get_many(namespace, keys), rows)


def test_disk_keeps_the_rows_used_last(tmp_path, namespace, make_rows):
    keys, rows = make_rows(400, 2000)  # 8,000 bytes each
    cache = FeatureCache(tmp_path, max_memory_bytes=0, max_disk_bytes=2 * MIB)
    cache.put_many(namespace, keys[:100], rows[:100])
    for start in range(100, 400, 20):
        assert all(known(cache, namespace, keys[:10]))
        piece = slice(start, start + 20)
        cache.put_many(namespace, keys[piece], rows[piece])
    kept = known(cache, namespace, keys)
    assert all(kept[:10])
    assert not any(kept[10:100])
    assert all(kept[-100:])


def test_rows_read_from_memory_count_as_used_on_disk(
    tmp_path, namespace, make_rows, new_process
):
    keys, rows = make_rows(400, 2000)
    cache = FeatureCache(tmp_path, max_disk_bytes=2 * MIB)
    cache.put_many(namespace, keys[:100], rows[:100])
    for start in range(100, 400, 20):
        cache.get_many(namespace, keys[:10])
        piece = slice(start, start + 20)
        cache.put_many(namespace, keys[piece], rows[piece])
    new_process()
    kept = known(cache, namespace, keys[:100])
    assert kept == [True] * 10 + [False] * 90


@pytest.mark.parametrize("width", [3, 2_000, 10_000])
def test_the_file_stays_within_a_tenth_of_the_cap(tmp_path, namespace, width, file):
    cap = 3 * MIB
    cache = FeatureCache(tmp_path, max_memory_bytes=0, max_disk_bytes=cap)
    rng = np.random.default_rng(0)
    n_rows = min(12 * MIB // (4 * width) // 10, 4000)
    for _ in range(10):
        keys = [rng.bytes(16) for _ in range(n_rows)]
        cache.put_many(namespace, keys, rng.random((n_rows, width), dtype="float32"))
        assert file.stat().st_size <= 1.1 * cap
        assert any(known(cache, namespace, keys))


def test_rows_used_here_and_there_do_not_fill_the_file(
    tmp_path, namespace, make_rows, file
):
    keys, rows = make_rows(1500, 1000)
    cache = FeatureCache(tmp_path, max_memory_bytes=0, max_disk_bytes=2 * MIB)
    for start in range(0, 1500, 100):
        # Every tenth row is used again: their pages are never quite free.
        cache.get_many(namespace, keys[:start:10])
        piece = slice(start, start + 100)
        cache.put_many(namespace, keys[piece], rows[piece])
        assert known(cache, namespace, keys[piece])[-1]
        assert file.stat().st_size <= 2.2 * MIB


def test_a_smaller_cap_shrinks_the_file(tmp_path, namespace, make_rows, file):
    keys, rows = make_rows(401, 2000)
    cache = FeatureCache(tmp_path, max_memory_bytes=0)
    cache.put_many(namespace, keys[:400], rows[:400])
    assert file.stat().st_size > 3 * MIB
    cache.set_params(max_disk_bytes=MIB)
    cache.put_many(namespace, keys[400:], rows[400:])
    assert file.stat().st_size <= 1.1 * MIB
    assert known(cache, namespace, keys[399:]) == [True, True]


def test_one_huge_row_does_not_drive_out_the_others(tmp_path, namespace, make_rows):
    keys, rows = make_rows(10)
    (huge_key,), huge = make_rows(1, MIB, seed=1)
    cache = FeatureCache(tmp_path, max_memory_bytes=0, max_disk_bytes=2 * MIB)
    cache.put_many(namespace, keys, rows)
    cache.put_many(namespace, [huge_key], huge)
    assert known(cache, namespace, [*keys, huge_key]) == [True] * 10 + [False]


def test_pieces_hold_all_rows_in_order(make_rows):
    rows = [((b"", bytes([i])), _database.Row(bytes(size))) for i, size in
            enumerate([3, 3, 9, 1, 1, 1, 1, 0])]  # fmt: skip
    pieces = _database._pieces(rows, 4)
    assert [[len(row.value) for _, row in piece] for piece in pieces] == [
        [3], [3], [9], [1, 1, 1, 1, 0]
    ]  # fmt: skip
    assert [pair for piece in pieces for pair in piece] == rows
