"""Concatenation against the channels it puts side by side."""

import torch

from skmultigran import ConcatFusion, Level


def test_without_projection_channels_stand_side_by_side_as_they_are():
    fine, coarse = torch.randn(2, 3, 4, 4), torch.randn(2, 5, 1, 1)
    (fused,) = ConcatFusion().build([Level(3, 1), Level(5, 4)])([fine, coarse])
    assert torch.equal(fused[:, :3], fine)
    torch.testing.assert_close(fused[:, 3:], coarse.expand(2, 5, 4, 4))


def test_without_projection_there_is_nothing_to_learn():
    assert not list(ConcatFusion().build([Level(3, 1), Level(5, 4)]).parameters())


def test_projection_gives_every_granularity_the_same_width(neutral):
    module = neutral(ConcatFusion(channels=2).build([Level(3, 1), Level(5, 4)]))
    fine, coarse = torch.randn(2, 3, 4, 4), torch.randn(2, 5, 4, 4)
    (fused,) = module([fine, coarse])
    for i, map_ in enumerate((fine, coarse)):
        kernel = module.project.laterals[i][0].weight[:, :, 0, 0]
        expected = torch.einsum("dc,bchw->bdhw", kernel, map_)
        torch.testing.assert_close(fused[:, 2 * i : 2 * i + 2], expected)


def test_coarse_map_is_enlarged_linearly():
    module = ConcatFusion().build([Level(1, 1), Level(1, 2)])
    coarse = torch.tensor([0.0, 4.0]).reshape(1, 1, 1, 2)
    (fused,) = module([torch.zeros(1, 1, 1, 4), coarse])
    # Centres of the four fine pixels lie a quarter and three quarters between.
    assert fused[0, 1, 0].tolist() == [0.0, 1.0, 3.0, 4.0]
