"""The bidirectional pyramid against its nodes, written out."""

import pytest
import torch
from torch.nn import functional

from skmultigran import BiFPNFusion, Level

LEVELS = [Level(3, 1), Level(5, 2), Level(4, 4)]


def random_maps(size, levels=LEVELS):
    return [torch.randn(2, x.channels, *x.map_size(size)) for x in levels]


@pytest.fixture
def module(neutral):
    return neutral(BiFPNFusion(channels=6, repeats=1).build(LEVELS))


def node_by_formula(node, *maps):
    """Return the output of a node whose inputs have one size already."""
    weights = node.weights.weight.relu()
    total = sum(w * m for w, m in zip(weights, maps, strict=True))
    total = total / (weights.sum() + 1e-4)
    _, depthwise, pointwise, _ = node.convolve
    map_ = functional.conv2d(
        total * total.sigmoid(), depthwise.weight, padding=1, groups=total.shape[1]
    )
    return torch.einsum("dc,bchw->bdhw", pointwise.weight[:, :, 0, 0], map_)


def test_round_follows_the_formula(module):
    (round_,) = module.rounds
    with torch.no_grad():
        for node in (*round_.top_down, *round_.bottom_up):
            node.weights.weight.copy_(torch.rand(len(node.weights.weight)))
    maps = random_maps((8, 8))
    x0, x1, x2 = module.project(maps)

    def grown(map_):
        size = [2 * side for side in map_.shape[-2:]]
        return functional.interpolate(map_, size, mode="bilinear")

    middle1 = node_by_formula(round_.top_down[1], x1, grown(x2))
    out0 = node_by_formula(round_.top_down[0], x0, grown(middle1))
    out1 = node_by_formula(
        round_.bottom_up[0], x1, middle1, functional.avg_pool2d(out0, 2)
    )
    out2 = node_by_formula(round_.bottom_up[1], x2, functional.avg_pool2d(out1, 2))
    for map_, expected in zip(module(maps), (out0, out1, out2), strict=True):
        torch.testing.assert_close(map_, expected, rtol=1e-4, atol=1e-5)


def test_every_output_reads_every_granularity(module):
    maps = random_maps((8, 8))
    before = module(maps)
    for changed in range(3):
        others = [m + 1 if i == changed else m for i, m in enumerate(maps)]
        for map_, other in zip(module(others), before, strict=True):
            assert not torch.equal(map_, other)


def test_repeats_are_rounds_with_weights_of_their_own():
    module = BiFPNFusion(channels=6, repeats=3).build(LEVELS).eval()
    maps = random_maps((7, 5))
    expected = module.project(maps)
    for round_ in module.rounds:
        expected = round_(expected)
    assert len({id(p) for p in module.rounds.parameters()}) == 3 * 4 * 5
    for map_, other in zip(module(maps), expected, strict=True):
        assert torch.equal(map_, other)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_inner_nodes_on_the_way_up_have_three_inputs(count):
    module = BiFPNFusion(repeats=1).build([Level(3, 2**i) for i in range(count)])
    (round_,) = module.rounds
    assert [len(n.weights.weight) for n in round_.top_down] == [2] * (count - 1)
    assert [len(n.weights.weight) for n in round_.bottom_up] == [3] * (count - 2) + [2]


def test_single_level_is_only_projected(neutral):
    module = neutral(BiFPNFusion(channels=6).build([Level(3, 1)]))
    (map_,) = random_maps((7, 5), [Level(3, 1)])
    kernel = module.project.laterals[0][0].weight[:, :, 0, 0]
    expected = torch.einsum("dc,bchw->bdhw", kernel, map_)
    torch.testing.assert_close(module([map_])[0], expected)
