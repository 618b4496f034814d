"""Several heads: each like one alone, sharing maps or with maps of their own."""

import pytest
import torch
from torch import nn

from skmultigran import DenseHead, Level, PooledHead
from skmultigran.heads import SeveralMapHeads, SeveralPooledHeads

LEVELS = [Level(4, 1), Level(6, 2)]
MAPS = [torch.randn(5, 4, 8, 8), torch.randn(5, 6, 4, 4)]


@pytest.mark.parametrize("branches", [1, 2])
@pytest.mark.parametrize("uncertainty", [True, False])
def test_pooled_heads_are_their_own_side_by_side(branches, uncertainty):
    recipe = SeveralPooledHeads(
        head=PooledHead(grid=(1, 2)),
        outputs=(3, 2),
        branches=branches,
        uncertainty=uncertainty,
    )
    levels = [level for level in LEVELS for _ in range(branches)]
    maps = [map_ + i for map_ in MAPS for i in range(branches)]
    pooling = recipe.build_pooling()
    head = recipe.build(pooling.levels(levels), 5).eval()
    got = head(pooling(maps))
    assert got.shape == (5, 5 + 2 * uncertainty)
    own = [maps[0::2], maps[1::2]] if branches == 2 else [maps, maps]
    for alone, seen, answer in zip(
        head.heads, own, got[:, :5].split([3, 2], 1), strict=True
    ):
        torch.testing.assert_close(alone(pooling(seen)), answer)


def test_uncertainties_are_learned_and_start_at_zero():
    head = SeveralPooledHeads(outputs=(3, 2)).build([Level(8, 1)], 5)
    out = head([[torch.randn(4, 8, 1, 1)], [torch.randn(4, 8, 2, 2)]])
    assert out[:, 5:].tolist() == [[0, 0]] * 4
    out[:, 5:].sum().backward()
    assert head.uncertainties.log_variances.grad.tolist() == [4, 4]


@pytest.mark.parametrize("branches", [1, 2])
def test_heads_for_images_and_for_pixels(branches):
    recipe = SeveralMapHeads(
        head=PooledHead(),
        dense=DenseHead(channels=8),
        outputs=(3, 2),
        pixels=(False, True),
        branches=branches,
    )
    head = recipe.build([lv for lv in LEVELS for _ in range(branches)], 5).eval()
    maps = [map_ for map_ in MAPS for _ in range(branches)]
    got = head(maps, (8, 8))
    assert got.shape == (5, 3 + 2 * 64 + 2)
    torch.testing.assert_close(head.heads[0](head.pool(MAPS)), got[:, :3])
    dense = head.heads[1](MAPS, (8, 8))
    torch.testing.assert_close(dense, got[:, 3:131].unflatten(1, (2, 8, 8)))


def test_heads_have_weights_of_their_own():
    head = SeveralPooledHeads(outputs=(2, 2)).build([Level(8, 1)], 4)
    first, second = (h.linear for h in head.heads)
    assert isinstance(first, nn.Linear)
    assert not torch.equal(first.weight, second.weight)
