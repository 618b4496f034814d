"""What it costs to look at an image up to each granularity."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from skmultigran._network import MultiGranularityNetwork
from skmultigran._stages import Stages
from skmultigran.training import folded

# A single image may be computed by other kernels than are usual.
_IMAGES = 2


@torch.no_grad()
def staged_costs(estimator) -> np.ndarray:
    """Return the work up to each stage, as a share of that of full prediction.

    Parameters
    ----------
    estimator : estimator
        Fitted with deep supervision.

    Returns
    -------
    ndarray of shape (n_stages,)
        Shares of the multiplications and additions of convolutions and matrix products,
        as torch counts them. With the fused answer they include the early answers, so
        that the last is a little above 1.
    """
    network = cast(MultiGranularityNetwork, folded(estimator.network_))
    recipe = estimator.network_recipe_
    images = torch.zeros(_IMAGES, recipe.in_channels, *recipe.image_size)
    images = images.to(estimator.device_)
    stages, seen, costs = Stages(network), {"images": images}, []
    for stage in range(len(stages)):
        with FlopCounterMode(display=False) as counter:
            _, seen = stages.look(stage, seen)
        costs.append(counter.get_total_flops())
    with FlopCounterMode(display=False) as counter:
        network(images)
    return np.cumsum(costs) / counter.get_total_flops()
