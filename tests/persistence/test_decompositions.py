"""What stands for operators that ONNX lacks gives what torch gives."""

import pytest
import torch
from torch.nn import functional

from skmultigran.persistence._decompositions import grid_maxima, resized

SIZES = [(8, 8), (5, 7), (1, 3), (1, 1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cells", [(1, 1), (2, 2), (2, 3), (7, 7)])
def test_maxima_of_a_grid(size, cells):
    maps = torch.randn(3, 2, *size)
    found, _ = grid_maxima(maps, cells)
    assert torch.equal(found, functional.adaptive_max_pool2d(maps, cells))


@pytest.mark.parametrize("before", SIZES)
@pytest.mark.parametrize("after", [(4, 4), (3, 9), (1, 1), (16, 16)])
def test_resizing(before, after):
    images = torch.rand(2, 3, *before)
    expected = functional.interpolate(
        images, after, mode="bilinear", align_corners=False, antialias=True
    )
    torch.testing.assert_close(resized(images, after, False), expected)
