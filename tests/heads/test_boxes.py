import math

import pytest
import torch

from skmultigran import BoxHead, ConvNetBackbone, Level
from skmultigran._network import NetworkRecipe, Normalisation
from skmultigran._registry import FUSIONS

LEVELS = [Level(4, 2), Level(6, 4), Level(5, 4), Level(6, 8), Level(4, 16)]
SIZES = [(24, 16), (12, 8), (12, 8), (6, 4), (3, 2)]


def maps():
    return [torch.randn(2, v.channels, *s) for v, s in zip(LEVELS, SIZES, strict=True)]


def test_places_are_those_of_the_distinct_strides():
    head = BoxHead(channels=8).build(LEVELS, 3)
    assert head.levels == (Level(8, 4), Level(8, 8), Level(8, 16))
    output = head(maps(), (48, 32))
    assert output.shape == (2, 12 * 8 + 6 * 4 + 3 * 2, 3 + 11)
    x, y, stride, level, least, most = output[0, :, -6:].T
    assert stride.unique(return_counts=True)[1].tolist() == [96, 24, 6]
    torch.testing.assert_close(stride, 4 * 2**level)
    # Places lie in the middle of what they cover, fine levels first.
    assert (x[0], y[0], x[1], y[8]) == (2, 2, 6, 6)
    assert (x[96], y[96]) == (4, 4)
    # Ranges of sizes meet.
    assert least[[0, 96, 120]].tolist() == [0, 16, 32]
    assert most[[0, 96, 120]].tolist() == [16, 32, math.inf]


def test_few_levels_leave_the_coarsest():
    head = BoxHead(channels=8, min_stride=64).build(LEVELS, 1)
    assert [level.stride for level in head.levels] == [16]
    (least,), (most,) = head(maps(), (48, 32))[0, :1, -2:].T
    assert (least, most) == (0, math.inf)


@pytest.mark.parametrize("channels", [1, 6, 16, 20])
@pytest.mark.parametrize("depth", [0, 2])
def test_every_width_and_depth(channels, depth):
    head = BoxHead(channels=channels, depth=depth).build(LEVELS, 2)
    assert head(maps(), (48, 32)).isfinite()[..., :-1].all()


@pytest.mark.parametrize("fusion", FUSIONS.names())
def test_every_fusion(fusion):
    recipe = NetworkRecipe(
        ConvNetBackbone(widths=(6, 8, 10)),
        FUSIONS.recipe(fusion),
        BoxHead(channels=8, min_stride=1),
        (1.0, 0.5),
        3,
        (32, 24),
        2,
        Normalisation([0.5] * 3, [0.2] * 3),
    )
    network = recipe.build()
    output = network(torch.rand(2, 3, 17, 22))
    output[..., :-1].square().mean().backward()
    unused = [name for name, p in network.named_parameters() if p.grad is None]
    assert not unused


def test_classes_begin_rare():
    head = BoxHead(channels=8).build(LEVELS, 3).eval()
    probabilities = torch.sigmoid(head(maps(), (48, 32))[..., :3]).detach()
    assert probabilities.mean() == pytest.approx(0.01, abs=0.005)
