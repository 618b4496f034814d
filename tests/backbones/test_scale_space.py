"""The scale space: known answers, and SciPy's Gaussian as an oracle."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from skmultigran import ScaleSpaceBackbone
from skmultigran.estimator_checks import check_backbone

SIDE = 64
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(float)
INNER = slice(24, 40)


def maps_of(image, n_scales=3):
    backbone = ScaleSpaceBackbone(n_scales=n_scales).build(1, (SIDE, SIDE))
    return [map_[0].numpy() for map_ in backbone(torch.from_numpy(image)[None, None])]


def test_it_is_a_backbone():
    check_backbone(ScaleSpaceBackbone())


def test_a_level_per_scale_is_sampled_as_its_blur_allows():
    levels = ScaleSpaceBackbone(n_scales=5).levels(3, (64, 64))
    assert [level.stride for level in levels] == [1, 1, 2, 4, 8]
    assert {level.channels for level in levels} == {12}


@pytest.mark.parametrize(("side", "n_scales"), [(1, 1), (8, 2), (28, 3), (500, 5)])
def test_auto_goes_to_a_quarter_of_the_side(side, n_scales):
    assert len(ScaleSpaceBackbone().levels(1, (side, side + 100))) == n_scales


def test_plain_images_have_neither_edges_nor_curvature():
    for map_ in maps_of(np.full((SIDE, SIDE), 0.3), n_scales=4):
        np.testing.assert_allclose(map_[0], 0.3, atol=1e-12)
        np.testing.assert_allclose(map_[1:], 0, atol=1e-12)


def test_values_are_those_of_a_gaussian():
    image = np.random.default_rng(0).uniform(size=(SIDE, SIDE))
    for sigma, map_ in zip((1, 2), maps_of(image), strict=False):
        expected = ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=6)
        # Far from the border, which a blur in steps repeats at each of them.
        found = map_[0][INNER, INNER]
        np.testing.assert_allclose(found, expected[INNER, INNER], atol=2e-4)
    # The third level is the mean of four pixels, and blurred a little less before.
    coarse = ndimage.gaussian_filter(image, 4, mode="nearest", truncate=6)
    means = coarse.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
    inner = slice(12, 20)
    found = maps_of(image)[2][0][inner, inner]
    np.testing.assert_allclose(found, means[inner, inner], atol=2e-3)


def test_gradients_of_a_slope_are_its_steepness_times_the_scale():
    image = 0.003 * COLUMNS + 0.004 * ROWS
    for sigma, map_ in zip((1, 2), maps_of(image), strict=False):
        found = map_[1][INNER, INNER]
        np.testing.assert_allclose(found, 0.005 * sigma, rtol=1e-6)
        np.testing.assert_allclose(map_[2:, INNER, INNER], 0, atol=1e-9)


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2])
def test_curvatures_do_not_depend_on_the_direction(angle):
    x, y = COLUMNS - 31.5, ROWS - 31.5
    along = np.cos(angle) * x + np.sin(angle) * y
    across = np.cos(angle) * y - np.sin(angle) * x
    image = 1e-3 * (0.5 * along**2 - 1.5 * across**2)
    for sigma, map_ in zip((1, 2), maps_of(image), strict=False):
        larger, smaller = map_[2:, INNER, INNER]
        np.testing.assert_allclose(larger, 1e-3 * sigma**2, rtol=1e-6)
        np.testing.assert_allclose(smaller, -3e-3 * sigma**2, rtol=1e-6)


def test_coarse_levels_see_large_blobs_and_fine_ones_small_ones():
    def blob(width):
        return np.exp(-((ROWS - 32) ** 2 + (COLUMNS - 32) ** 2) / (2 * width**2))

    responses = [
        [-map_[3].min() for map_ in maps_of(blob(width), n_scales=4)]
        for width in (1.0, 8.0)
    ]
    assert np.argmax(responses[0]) == 0
    assert np.argmax(responses[1]) == 3


def test_gradients_reach_the_image():
    image = torch.zeros(1, 1, 16, 16, requires_grad=True)
    backbone = ScaleSpaceBackbone(n_scales=3).build(1, (16, 16))
    sum(map_.sum() for map_ in backbone(image)).backward()
    assert image.grad.isfinite().all()
