"""The feature pyramid against torchvision's."""

from collections import OrderedDict

import pytest
import torch
from torchvision.ops import FeaturePyramidNetwork

from skmultigran import FPNFusion, Level
from skmultigran.fusions._fpn import add_from_above

WIDTHS = (3, 5, 4)


@pytest.fixture
def module(neutral):
    levels = [Level(width, 2**i) for i, width in enumerate(WIDTHS)]
    return neutral(FPNFusion(channels=6).build(levels))


def torchvision_pyramid(module):
    """Return torchvision's pyramid with the weights of ours; its biases are zero."""
    pyramid = FeaturePyramidNetwork(list(WIDTHS), 6)
    with torch.no_grad():
        for i in range(len(WIDTHS)):
            inner, layer = pyramid.inner_blocks[i][0], pyramid.layer_blocks[i][0]
            inner.weight.copy_(module.project.laterals[i][0].weight)
            layer.weight.copy_(module.smooth[i][0].weight)
    return pyramid


@pytest.mark.parametrize(
    "sizes",
    [
        [(8, 8), (4, 4), (2, 2)],
        [(7, 5), (4, 3), (2, 2)],
        [(9, 1), (5, 1), (3, 1)],
        [(4, 3), (4, 3), (2, 2)],
        [(1, 1), (1, 1), (1, 1)],
        [(13, 11), (4, 4), (1, 1)],
    ],
)
def test_same_as_torchvision_but_for_the_activation(module, sizes):
    maps = [torch.randn(2, w, *size) for w, size in zip(WIDTHS, sizes, strict=True)]
    named = OrderedDict((str(i), map_) for i, map_ in enumerate(maps))
    expected = torchvision_pyramid(module)(named).values()
    for map_, other in zip(module(maps), expected, strict=True):
        torch.testing.assert_close(map_, other.relu(), rtol=1e-4, atol=1e-5)


def test_meaning_flows_from_coarse_to_fine_only(module):
    maps = [torch.randn(2, w, 8 // 2**i, 8 // 2**i) for i, w in enumerate(WIDTHS)]
    before = module(maps)
    for changed in range(3):
        others = [m + 1 if i == changed else m for i, m in enumerate(maps)]
        after = module(others)
        moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
        assert moved == [level <= changed for level in range(3)]


def test_enlarging_repeats_the_nearest_pixel():
    above = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 1, 2, 2)
    total = add_from_above(torch.full((1, 1, 3, 4), 10.0), above)
    assert total[0, 0].tolist() == [
        [11.0, 11.0, 12.0, 12.0],
        [11.0, 11.0, 12.0, 12.0],
        [13.0, 13.0, 14.0, 14.0],
    ]
