"""Pixel values of any type become [0, 1]."""

import numpy as np
import pytest

from skmultigran.images import ValueRange, _chunks


def to_unit(values, dtype, value_range="auto"):
    images = np.array([values], dtype=dtype)
    return ValueRange.learn(images, value_range).to_unit(images)[0]


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.uint8, [0, 51, 255], [0, 0.2, 1]),
        (np.uint8, [3, 3, 3], [3 / 255] * 3),
        (np.uint16, [0, 13107, 65535], [0, 0.2, 1]),
        (np.int8, [-128, -77, 127], [0, 0.2, 1]),
        (np.int16, [-32768, -19661, 32767], [0, 0.2, 1]),
        (np.bool_, [False, True, True], [0, 1, 1]),
        (np.float32, [0, 0.3, 1], [0, 0.3, 1]),
        (np.float64, [0.4, 0.5, 0.6], [0.4, 0.5, 0.6]),
        (np.float64, [0, 4, 16], [0, 0.25, 1]),
        (np.float16, [0, 4, 16], [0, 0.25, 1]),
        (np.float32, [-1, 0, 1], [0, 0.5, 1]),
        (np.int64, [-100, 0, 300], [0, 0.25, 1]),
        (np.int32, [0, 1, 1], [0, 1, 1]),
        (">u2", [0, 13107, 65535], [0, 0.2, 1]),
        (">f8", [0, 4, 16], [0, 0.25, 1]),
    ],
)
def test_known_answers(dtype, values, expected):
    found = to_unit(values, dtype)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float64])
def test_explicit_range_holds_for_every_dtype(dtype):
    np.testing.assert_allclose(to_unit([10, 30, 110], dtype, (10, 110)), [0, 0.2, 1])


def test_values_outside_an_explicit_range_are_not_clipped():
    np.testing.assert_allclose(to_unit([-10, 20], np.float64, (0, 10)), [-1, 2])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int8, np.bool_])
def test_integers_in_fit_and_the_same_numbers_as_floats_later(dtype):
    images = np.array([[0, 1, 1, 0]], dtype=dtype)
    learned = ValueRange.learn(images)
    for later in (np.float32, np.float64, np.int64):
        np.testing.assert_array_equal(
            learned.to_unit(images.astype(later)), learned.to_unit(images)
        )


def test_unit_floats_in_fit_and_8_bits_later():
    learned = ValueRange.learn(np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(learned.to_unit(np.array([0, 255], np.uint8)), [0, 1])


def test_floats_later_use_the_range_seen_in_fit():
    learned = ValueRange.learn(np.array([[0.0, 16.0]]))
    np.testing.assert_allclose(learned.to_unit(np.array([8.0, 32.0])), [0.5, 2])
    np.testing.assert_allclose(learned.to_unit(np.array([8], np.uint8)), [0.5])


@pytest.mark.parametrize("value", [-5.0, 7.0, 1e8, -1e20, 1e300])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_constant_images_become_a_finite_constant(value, dtype):
    value = np.clip(value, np.finfo(dtype).min, np.finfo(dtype).max)
    np.testing.assert_array_equal(to_unit([value] * 3, dtype), [0, 0, 0])


def test_range_is_seen_in_every_chunk(monkeypatch):
    monkeypatch.setattr(_chunks, "_VALUES_PER_CHUNK", 4)
    images = np.arange(20.0).reshape(10, 2)
    learned = ValueRange.learn(np.roll(images, 3, axis=0))
    assert (learned.low, learned.high) == (0, 19)


def test_large_offset_keeps_the_digits_of_the_difference():
    images = 1e9 + np.array([[0.0, 1.0, 4.0]])
    np.testing.assert_allclose(
        ValueRange.learn(images).to_unit(images), [[0, 0.25, 1]], rtol=1e-6
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_images_stay_as_they_are(dtype):
    images = np.array([[0, 4, 16]], dtype=dtype)
    before = images.copy()
    ValueRange.learn(images, (2, 10)).to_unit(images)
    np.testing.assert_array_equal(images, before)
    assert not np.shares_memory(
        ValueRange(0, 1, by_dtype=False).to_unit(images), images
    )


@pytest.mark.parametrize(
    "value_range",
    [(1, 0), (1, 1), (0, np.nan), (0, np.inf), (0,), (0, 1, 2), ("a", "b"), (None, 1)],
)
def test_bad_range(value_range):
    with pytest.raises(
        ValueError, match=r"must be \(low, high\) with low < high, the finite"
    ):
        ValueRange.learn(np.zeros((2, 4)), value_range)
