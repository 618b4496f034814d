"""What is stored comes back byte by byte, and counts are kept."""

import numpy as np
import pytest
from sklearn.base import clone

from skmultigran import FeatureCache
from skmultigran.feature_cache import CacheInfo, namespace_key


def test_hits_have_the_stored_bytes(tmp_path, namespace, new_process):
    bits = np.array(
        # A signalling NaN with a payload, a negative NaN, -0.0, a denormal, infinity.
        [[0x7F812345, 0xFFC00001, 0x80000000, 0x00000001, 0x7F800000]],
        dtype=np.uint32,
    )
    cache = FeatureCache(tmp_path)
    cache.put_many(namespace, [b"k" * 16], bits.view(np.float32))
    for _ in range(2):
        (row,) = cache.get_many(namespace, [b"k" * 16])
        assert row.tobytes() == bits.tobytes()
        new_process()


@pytest.mark.parametrize("width", [0, 1, 100_000])
def test_rows_of_any_length(tmp_path, namespace, make_rows, new_process, width):
    keys, rows = make_rows(3, width)
    cache = FeatureCache(tmp_path)
    cache.put_many(namespace, keys, np.asfortranarray(rows))
    new_process()
    assert np.array_equal(cache.get_many(namespace, keys), rows)


def test_namespaces_are_kept_apart(tmp_path, namespace, make_rows):
    keys, rows = make_rows(2)
    cache, other = FeatureCache(tmp_path), namespace_key(test="other")
    cache.put_many(namespace, keys, rows)
    cache.put_many(other, keys[:1], rows[1:])
    assert np.array_equal(cache.get_many(namespace, keys), rows)
    found = cache.get_many(other, keys)
    assert np.array_equal(found[0], rows[1])
    assert found[1] is None


def test_a_stored_row_stays_as_it_is(tmp_path, namespace, make_rows, new_process):
    keys, rows = make_rows(2)
    cache = FeatureCache(tmp_path)
    cache.put_many(namespace, keys, rows)
    cache.put_many(namespace, keys, rows + 1)
    new_process()
    assert np.array_equal(cache.get_many(namespace, keys), rows)
    assert cache.info().entries == 2


def test_rows_found_cannot_be_written_to(tmp_path, namespace, make_rows):
    keys, rows = make_rows(1)
    cache = FeatureCache(tmp_path)
    cache.put_many(namespace, keys, rows)
    (row,) = cache.get_many(namespace, keys)
    with pytest.raises(ValueError, match="read-only"):
        row[0] = 1.0


@pytest.mark.parametrize(
    "rows", [np.zeros((2, 3)), np.zeros(2, "float32"), np.zeros((3, 1), "float32")]
)
def test_put_many_needs_one_float32_row_per_key(tmp_path, namespace, rows):
    with pytest.raises(ValueError, match=r"one float32 row per key, shape \(2, n_f"):
        FeatureCache(tmp_path).put_many(namespace, [b"a", b"b"], rows)


def test_counts_are_those_of_all_lookups(tmp_path, namespace, make_rows, new_process):
    keys, rows = make_rows(5)
    cache = FeatureCache(tmp_path)
    assert cache.info() == CacheInfo(hits=0, misses=0, entries=0, n_bytes=0)
    cache.get_many(namespace, keys)
    cache.put_many(namespace, keys[:3], rows[:3])
    cache.get_many(namespace, keys)  # from memory
    new_process()
    cache.get_many(namespace, keys[:2])  # from disk
    assert cache.info() == CacheInfo(hits=5, misses=7, entries=3, n_bytes=3 * 32)


def test_clear_empties_memory_and_disk(
    tmp_path, namespace, make_rows, new_process, file
):
    keys, rows = make_rows(100, 10_000)
    cache = FeatureCache(tmp_path)
    cache.put_many(namespace, keys, rows)
    assert file.stat().st_size > 4_000_000
    cache.clear()
    assert file.stat().st_size < 500_000
    assert cache.info() == CacheInfo(hits=0, misses=0, entries=0, n_bytes=0)
    assert cache.get_many(namespace, keys[:1]) == [None]


def test_clones_share_rows_in_memory(tmp_path, namespace, make_rows, file):
    keys, rows = make_rows(2)
    cache = FeatureCache(tmp_path / "x" / "..", max_disk_bytes=0)
    cache.put_many(namespace, keys, rows)
    other = clone(cache).set_params(location=str(tmp_path))
    assert np.array_equal(other.get_many(namespace, keys), rows)
    assert other.info().entries == 0


def test_a_deleted_folder_is_made_again(tmp_path, namespace, make_rows, new_process):
    keys, rows = make_rows(2)
    cache = FeatureCache(tmp_path / "a" / "b")
    cache.put_many(namespace, keys, rows)
    for path in (tmp_path / "a" / "b").iterdir():
        path.unlink()
    (tmp_path / "a" / "b").rmdir()
    new_process()
    assert cache.get_many(namespace, keys) == [None, None]
    cache.put_many(namespace, keys, rows)
    assert cache.info().entries == 2
