"""Missing rows are computed once, in pieces, and come back in order."""

import numpy as np
import pytest

from skmultigran import FeatureCache
from skmultigran.feature_cache import _cached_rows, cached_rows, namespace_key

NAMESPACES = {name: namespace_key(level=name) for name in ("fine", "coarse")}


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path)


@pytest.fixture
def keys():
    return [bytes([i]) * 16 for i in range(10)]


class Counting:
    """Computes known rows and remembers what it was asked for."""

    def __init__(self, fail_at=None, noise=0.0):
        self.asked, self.fail_at, self.noise = [], fail_at, noise

    def __call__(self, positions):
        if len(self.asked) == self.fail_at:
            raise KeyboardInterrupt
        self.asked.append(list(positions))
        column = positions[:, None].astype("float32") + np.float32(self.noise)
        return {"fine": np.repeat(column, 3, axis=1), "coarse": -column}


def test_rows_come_in_order_and_are_computed_once(cache, keys):
    compute = Counting()
    for order in (slice(None), slice(None, None, -1)):
        rows = cached_rows(cache, NAMESPACES, keys[order], compute)
        expected = np.arange(10, dtype="float32")[order, None]
        assert np.array_equal(rows["fine"], np.repeat(expected, 3, axis=1))
        assert np.array_equal(rows["coarse"], -expected)
        assert rows["fine"].dtype == np.float32
    assert compute.asked == [list(range(10))]
    assert cache.info()[:3] == (20, 20, 20)


def test_only_missing_rows_are_computed(cache, keys):
    cached_rows(cache, NAMESPACES, keys[2:4], Counting())
    compute = Counting()
    cached_rows(cache, NAMESPACES, keys[:5], compute)
    assert compute.asked == [[0, 1, 4]]


def test_pieces_bound_what_an_interrupt_loses(cache, keys):
    interrupted = Counting(fail_at=2)
    with pytest.raises(KeyboardInterrupt):
        cached_rows(cache, NAMESPACES, keys, interrupted, piece_size=4)
    assert interrupted.asked == [[0, 1, 2, 3], [4, 5, 6, 7]]
    again = Counting()
    cached_rows(cache, NAMESPACES, keys, again, piece_size=4)
    assert again.asked == [[8, 9]]


def test_equal_images_are_computed_once(cache, keys):
    compute = Counting()
    twice = [keys[1], keys[0], keys[1], keys[1], keys[2]]
    rows = cached_rows(cache, NAMESPACES, twice, compute)
    assert compute.asked == [[0, 1, 4]]
    assert rows["coarse"].ravel().tolist() == [0, -1, 0, 0, -4]


def test_a_new_kind_is_computed_and_known_rows_stay(cache, keys):
    fine = {"fine": NAMESPACES["fine"]}
    first = cached_rows(cache, fine, keys[:4], Counting())
    rows = cached_rows(cache, NAMESPACES, keys[:5], Counting(noise=0.5))
    # Rows that were stored are given as they are; the others are new.
    assert np.array_equal(rows["fine"][:4], first["fine"])
    assert rows["fine"][4, 0] == 4.5
    assert rows["coarse"].ravel().tolist() == [-0.5, -1.5, -2.5, -3.5, -4.5]
    again = cached_rows(cache, NAMESPACES, keys[:5], Counting(fail_at=0))
    assert all(np.array_equal(again[name], rows[name]) for name in NAMESPACES)


def test_many_rows_are_looked_up_in_batches(cache, keys, monkeypatch):
    monkeypatch.setattr(_cached_rows, "_LOOKED_UP", 3)
    cached_rows(cache, NAMESPACES, keys[4:7], Counting())
    compute = Counting()
    rows = cached_rows(cache, NAMESPACES, keys, compute)
    assert compute.asked == [[0, 1, 2, 3, 7, 8, 9]]
    expected = [0, 1, 2, 3, 0, 1, 2, 7, 8, 9]
    assert rows["fine"][:, 0].tolist() == expected


def test_no_keys_give_no_rows(cache):
    rows = cached_rows(cache, NAMESPACES, [], Counting(fail_at=0))
    assert {name: value.shape for name, value in rows.items()} == {
        "fine": (0, 0),
        "coarse": (0, 0),
    }


def test_a_bad_disk_changes_no_result(tmp_path, keys):
    (tmp_path / "file").write_text("")
    cache = FeatureCache(tmp_path / "file" / "folder", max_memory_bytes=0)
    with pytest.warns(UserWarning, match="FeatureCache cannot use"):
        rows = cached_rows(cache, NAMESPACES, keys, Counting())
    assert rows["fine"][:, 0].tolist() == list(range(10))


@pytest.mark.parametrize(
    ("computed", "message"),
    [
        ({"a": np.zeros((2, 3))}, "dtype float64 for 'a'; it must give float32"),
        ({"a": np.zeros((3, 3), "float32")}, r"shape \(3, 3\).*each of the 2 posi"),
        ({"a": np.zeros(2, "float32")}, r"shape \(2,\) and dtype float32 for 'a'"),
        ({"b": np.zeros((2, 3), "float32")}, r"gave \['b'\] but not 'a'"),
    ],
)
def test_what_compute_gives_is_checked(cache, keys, computed, message):
    with pytest.raises(ValueError, match=message):
        cached_rows(cache, {"a": b"n" * 16}, keys[:2], lambda positions: computed)
    assert cache.info().entries == 0


def test_rows_of_one_kind_are_equally_long(cache, keys):
    namespaces = {"a": b"n" * 16}
    short, long = np.zeros((1, 2), "float32"), np.zeros((1, 3), "float32")
    cached_rows(cache, namespaces, keys[:1], lambda positions: {"a": short})
    with pytest.raises(ValueError, match="rows of 'a' have 2 and 3 numbers"):
        cached_rows(cache, namespaces, keys[:2], lambda positions: {"a": long})
    assert cache.info().entries == 1
