"""Path aggregation: a feature pyramid, then the way up by its formula."""

import pytest
import torch
from torch.nn import functional

from skmultigran import FPNFusion, Level, PAFPNFusion

LEVELS = [Level(3, 1), Level(5, 2), Level(4, 4)]


def random_maps(size, batch=2):
    return [torch.randn(batch, x.channels, *x.map_size(size)) for x in LEVELS]


@pytest.fixture
def module(neutral):
    return neutral(PAFPNFusion(channels=6).build(LEVELS))


def convolve(block, map_, stride=1):
    return functional.conv2d(map_, block[0].weight, stride=stride, padding=1).relu()


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (1, 1), (9, 2)])
def test_way_up_follows_the_formula(module, neutral, size):
    maps = random_maps(size)
    pyramid = neutral(FPNFusion(channels=6).build(LEVELS))
    pyramid.load_state_dict(module.top_down.state_dict())
    p0, p1, p2 = pyramid(maps)
    n1 = convolve(module.smooth[0], p1 + convolve(module.shrink[0], p0, stride=2))
    n2 = convolve(module.smooth[1], p2 + convolve(module.shrink[1], n1, stride=2))
    for map_, expected in zip(module(maps), (p0, n1, n2), strict=True):
        torch.testing.assert_close(map_, expected, rtol=1e-4, atol=1e-5)


def test_every_output_but_the_finest_reads_every_granularity(module):
    maps = random_maps((8, 8))
    before = module(maps)
    for changed in range(3):
        others = [m + 1 if i == changed else m for i, m in enumerate(maps)]
        for map_, other in zip(module(others), before, strict=True):
            assert not torch.equal(map_, other)


@pytest.mark.parametrize(
    ("strides", "steps"),
    [
        ((1, 2, 4), [2, 2]),
        ((2, 2, 2), [1, 1]),
        ((4, 4 / 0.75, 8), [1, 2]),
        ((1, 4, 32), [2, 2]),
    ],
)
def test_convolution_steps_as_the_strides_ask_and_skips_no_pixel(strides, steps):
    module = PAFPNFusion(channels=4).build([Level(3, stride) for stride in strides])
    assert [block[0].stride for block in module.shrink] == [(s, s) for s in steps]


def test_far_coarser_level_receives_averages(neutral):
    module = neutral(PAFPNFusion(channels=4).build([Level(3, 1), Level(3, 8)]))
    maps = [torch.randn(2, 3, 16, 16), torch.randn(2, 3, 2, 2)]
    fine, coarse = module.top_down(maps)
    shrunk = functional.avg_pool2d(convolve(module.shrink[0], fine, stride=2), 4)
    expected = convolve(module.smooth[0], coarse + shrunk)
    torch.testing.assert_close(module(maps)[1], expected, rtol=1e-4, atol=1e-5)
