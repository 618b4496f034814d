"""Grounds: within their range, all different, smooth and rough."""

import numpy as np
import pytest

from skmultigran.datasets._splines import spline_weights
from skmultigran.datasets._texture import MEAN, textured_grounds


@pytest.fixture
def grounds(seed):
    return textured_grounds(np.random.default_rng(seed), 60, (40, 56))


def test_grounds_are_grey_levels(grounds):
    assert grounds.shape == (60, 40, 56)
    assert grounds.dtype == np.float32
    assert grounds.min() >= 0
    assert grounds.max() <= 255
    means = grounds.mean(axis=(1, 2))
    assert means.min() > MEAN[0] - 30
    assert means.max() < MEAN[1] + 30
    assert means.std() > 20


def test_contrast_and_roughness_vary(grounds):
    contrast = grounds.std(axis=(1, 2))
    assert contrast.min() > 2
    assert contrast.max() > 3 * contrast.min()
    # Of each ground's variation, how much is from one pixel to the next.
    roughness = np.diff(grounds, axis=2).std(axis=(1, 2)) / contrast
    assert roughness.max() > 3 * roughness.min()


def test_spline_weights_keep_constants_and_lines():
    positions = np.linspace(2, 8, 31)
    weights = spline_weights(positions, 10)
    assert weights.sum(axis=1) == pytest.approx(np.ones(31), abs=1e-6)
    assert weights @ (np.arange(10) + 0.5) == pytest.approx(positions, abs=1e-5)


def test_spline_weights_are_zero_beyond_the_samples():
    assert not spline_weights(np.array([-1.6, 5.6]), 4).any()
