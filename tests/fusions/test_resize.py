"""Resizing: averages where a map shrinks, lines where it grows, per axis."""

import numpy as np
import pytest
import torch

from skmultigran.fusions._base import resize_to, resize_to_finest


def test_right_size_is_returned_as_it_is():
    map_ = torch.randn(2, 3, 5, 4)
    assert resize_to(map_, (5, 4)) is map_


def test_shrinking_averages_blocks():
    map_ = torch.randn(2, 3, 6, 4)
    expected = map_.numpy().reshape(2, 3, 3, 2, 2, 2).mean(axis=(3, 5))
    np.testing.assert_allclose(resize_to(map_, (3, 2)), expected, rtol=1e-5, atol=1e-6)


def test_growing_interpolates_between_centres():
    map_ = torch.randn(1, 1, 3, 1)
    centres = (np.arange(7) + 0.5) * 3 / 7 - 0.5
    expected = np.interp(centres, np.arange(3), map_[0, 0, :, 0])
    np.testing.assert_allclose(resize_to(map_, (7, 1))[0, 0, :, 0], expected, rtol=1e-5)


def test_each_axis_goes_its_own_way():
    # Along the shrinking axis all pixels count, though the other axis grows.
    map_ = torch.zeros(1, 1, 2, 8)
    map_[..., 0] = 4.0
    expected = torch.tensor([1.0, 0.0]).expand(1, 1, 3, 2)
    torch.testing.assert_close(resize_to(map_, (3, 2)), expected)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (7, 5), (9, 2)])
def test_constant_map_stays_constant(size):
    resized = resize_to(torch.full((1, 2, 5, 4), 3.0), size)
    torch.testing.assert_close(resized, torch.full((1, 2, *size), 3.0))


def test_finest_size_is_the_largest_along_each_axis():
    resized = resize_to_finest([torch.zeros(1, 2, 3, 7), torch.zeros(1, 4, 5, 6)])
    assert [tuple(map_.shape) for map_ in resized] == [(1, 2, 5, 7), (1, 4, 5, 7)]
