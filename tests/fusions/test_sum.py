"""The sum against a sum in numpy."""

import numpy as np
import torch

from skmultigran import Level, SumFusion


def test_sum_of_projected_maps(neutral):
    levels = [Level(3, 1), Level(5, 1), Level(4, 4)]
    module = neutral(SumFusion(channels=6).build(levels))
    maps = [torch.randn(2, 3, 4, 4), torch.randn(2, 5, 4, 4), torch.randn(2, 4, 1, 1)]
    kernels = [part[0].weight[:, :, 0, 0].detach() for part in module.project.laterals]
    # The single pixel of the last map is added everywhere.
    expected = sum(
        np.einsum("dc,bchw->bdhw", kernel, map_)
        for kernel, map_ in zip(kernels, maps, strict=True)
    )
    (fused,) = module(maps)
    np.testing.assert_allclose(fused.detach(), expected, rtol=1e-4, atol=1e-6)


def test_norm_brings_granularities_to_one_scale_before_they_are_summed():
    # A granularity a thousand times as large must not drown the other one.
    levels = [Level(2, 1), Level(2, 1)]
    small, large = torch.randn(16, 2, 4, 4), 1000 * torch.randn(16, 2, 4, 4)
    module = SumFusion(channels=4).build(levels).train()
    (fused,) = module([small, large])
    (without,) = module([torch.zeros_like(small), large])
    variance = (fused - without).var().item()
    np.testing.assert_allclose(variance, 1.0, rtol=0.05)
