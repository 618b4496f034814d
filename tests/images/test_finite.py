"""A pixel that is no number is found, wherever it is, and only such a pixel."""

import numpy as np
import pytest

from skmultigran.images import _chunks, check_finite


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of two rows of six values."""
    monkeypatch.setattr(_chunks, "_VALUES_PER_CHUNK", 12)


def images(dtype=np.float64, shape=(7, 2, 3)):
    return np.ones(shape, dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7, 6), (7, 2, 3), (7, 1, 2, 3)])
@pytest.mark.parametrize("row", range(7))
@pytest.mark.usefixtures("small_chunks")
def test_row_is_named_in_every_chunk(dtype, shape, row):
    X = images(dtype, shape)
    X[(row, *(-1,) * (len(shape) - 1))] = np.nan
    with pytest.raises(ValueError, match=f"NaN in row {row}. Owner does not accept"):
        check_finite(X, "Owner")


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_named(value):
    X = images()
    X[3, 0, 1] = value
    with pytest.raises(ValueError, match="infinity in row 3"):
        check_finite(X, "Owner")


@pytest.mark.usefixtures("small_chunks")
def test_first_of_several_rows_is_named():
    X = images()
    X[5] = np.nan
    X[4] = np.inf
    with pytest.raises(ValueError, match="infinity in row 4"):
        check_finite(X, "Owner")


def test_infinities_that_cancel_are_found():
    X = images()
    X[2, 0, 0], X[2, 0, 1] = np.inf, -np.inf
    with pytest.raises(ValueError, match="infinity in row 2"):
        check_finite(X, "Owner")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_finite_values_whose_sum_overflows_pass(dtype):
    X = np.full((3, 4), np.finfo(dtype).max, dtype=dtype)
    check_finite(X, "Owner")
    X[1, 2] = np.nan
    with pytest.raises(ValueError, match="NaN in row 1"):
        check_finite(X, "Owner")


class Unread(np.ndarray):
    """An array whose values must not be looked at."""

    def __getitem__(self, key):
        raise AssertionError("The values were read.")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_])
def test_integers_are_not_read(dtype):
    check_finite(images(dtype).view(Unread), "Owner")


def test_floats_are_read_by_the_same_guard():
    with pytest.raises(AssertionError, match="were read"):
        check_finite(images().view(Unread), "Owner")
