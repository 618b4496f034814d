"""Streamed statistics equal those of the whole array."""

import numpy as np
import pytest

from skmultigran.images import channel_statistics


def whole(images, weights):
    """Weighted mean and deviation by numpy alone."""
    pixels = images.reshape(-1, images.shape[-1])
    per_pixel = np.repeat(weights, np.prod(images.shape[1:3]))
    mean = np.average(pixels, axis=0, weights=per_pixel)
    return mean, np.sqrt(np.average((pixels - mean) ** 2, axis=0, weights=per_pixel))


def chunked(images, weights, bounds):
    pieces = np.split(np.arange(len(images)), bounds)
    return channel_statistics((images[piece], weights[piece]) for piece in pieces)


@pytest.mark.parametrize("trial", range(20))
def test_any_chunking_equals_the_whole(trial, seed):
    rng = np.random.default_rng([trial, seed])
    images = rng.normal(rng.normal(), 3, (23, 3, 2, rng.integers(1, 5)))
    weights = rng.integers(0, 4, 23) * rng.uniform(0.1, 2, 23)
    bounds = np.unique(rng.integers(1, 23, rng.integers(0, 9)))
    np.testing.assert_allclose(
        chunked(images, weights, bounds), whole(images, weights), rtol=1e-12
    )


def test_known_answer():
    images = np.array([0.0, 4.0]).reshape(2, 1, 1, 1)
    mean, std = channel_statistics([(images, np.array([3.0, 1.0]))])
    np.testing.assert_allclose([*mean, *std], [1, np.sqrt(3)])


@pytest.mark.parametrize("bounds", [[], [5], [1, 2, 3, 4, 5]])
def test_large_mean_beside_a_small_spread_keeps_its_digits(bounds):
    offsets = np.arange(10.0).reshape(10, 1, 1, 1)
    _, std = chunked(1e9 + offsets, np.ones(10), bounds)
    np.testing.assert_allclose(std, offsets.std(), rtol=1e-9)


def test_float32_images_and_weights_are_summed_in_float64(seed):
    rng = np.random.default_rng(seed)
    images = (1000 + rng.uniform(size=(20_000, 1, 1, 1))).astype(np.float32)
    weights = rng.uniform(0.5, 2, 20_000).astype(np.float32)
    expected = whole(images.astype(np.float64), weights.astype(np.float64))
    np.testing.assert_allclose(channel_statistics([(images, weights)]), expected, 1e-12)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1 / 3, 1.0])
def test_constant_channel_has_deviation_one(constant):
    images = np.random.default_rng(0).uniform(size=(50, 4, 4, 2))
    images[..., 1] = constant
    mean, std = chunked(images, np.linspace(0.1, 1, 50), [7, 20])
    assert std[1] == 1
    assert std[0] < 1
    assert mean[1] == pytest.approx(constant, abs=1e-15)


def test_integer_weights_equal_repetition(seed):
    rng = np.random.default_rng(seed)
    images, weights = rng.uniform(size=(12, 3, 3, 2)), rng.integers(0, 4, 12)
    repeated = np.repeat(images, weights, axis=0)
    np.testing.assert_allclose(
        chunked(images, weights.astype(float), [5]),
        channel_statistics([(repeated, np.ones(len(repeated)))]),
        rtol=1e-12,
    )


def test_constant_factor_of_the_weights_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    images, weights = rng.uniform(size=(12, 3, 3, 2)), rng.uniform(size=12)
    np.testing.assert_allclose(
        chunked(images, 1000 * weights, [5]), chunked(images, weights, [5]), rtol=1e-12
    )
