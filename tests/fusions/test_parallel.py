"""Fusions side by side: each sees all maps, and their maps take turns."""

import pytest
import torch

from skmultigran import ConcatFusion, FPNFusion, GatedFusion, Level
from skmultigran.fusions import ParallelFusions

LEVELS = [Level(4, 1), Level(6, 2)]
MAPS = [torch.randn(3, 4, 8, 8), torch.randn(3, 6, 4, 4)]


@pytest.mark.parametrize(
    "fusion", [FPNFusion(channels=8), GatedFusion(channels=8)], ids=["fpn", "gated"]
)
def test_maps_take_turns(fusion):
    module = ParallelFusions(fusion=fusion, branches=3).build(LEVELS).eval()
    fused = module(MAPS)
    assert len(fused) == len(module.levels) == 3 * len(fusion.build(LEVELS).levels)
    for number, alone in enumerate(module.fusions):
        assert module.levels[number::3] == alone.levels
        for got, expected in zip(fused[number::3], alone(MAPS), strict=True):
            torch.testing.assert_close(got, expected)
    assert not torch.equal(fused[0], fused[1])


def test_a_fusion_is_needed():
    with pytest.raises(TypeError, match="'fusion'"):
        ParallelFusions(branches=2)
    with pytest.raises(ValueError, match="'fusion' parameter of ParallelFusions must"):
        ParallelFusions(fusion=None).build(LEVELS)


@pytest.mark.parametrize("fusion", [FPNFusion(), ConcatFusion()], ids=repr)
def test_they_look_at_neighbours_as_their_recipe_does(fusion):
    assert ParallelFusions(fusion=fusion, branches=2).spatial == fusion.spatial
