"""The weighted sum: one learned share per granularity."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from torch import Tensor

from skmultigran._levels import Level, check_levels
from skmultigran._registry import register_fusion
from skmultigran._support import Interval
from skmultigran.fusions._base import (
    FastNormalisedWeights,
    Fusion,
    FusionRecipe,
    Projection,
    resize_to_finest,
    weighted_sum,
)


class _Weighted(Fusion):
    def __init__(self, levels: Sequence[Level], channels: int) -> None:
        super().__init__()
        self.levels = (Level(channels, levels[0].stride),)
        self.project = Projection(levels, channels)
        self.weights = FastNormalisedWeights(len(levels))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        resized = resize_to_finest(self.project(maps))  # L x (B, D, H, W)
        return [weighted_sum(resized, self.weights())]

    def granularity_weights(self, maps: list[Tensor]) -> Tensor:
        """Return the share of each granularity in the sum.

        Parameters
        ----------
        maps : list of Tensor of shape (B, C_l, H_l, W_l)
            The maps that come in.

        Returns
        -------
        Tensor of shape (B, L)
            The same learned shares for every image; each row sums to just below one.
        """
        return self.weights().expand(maps[0].shape[0], -1)


@register_fusion("weighted")
class WeightedFusion(FusionRecipe):
    """Sum all granularities with one learned, normalised weight each [1]_.

    Registered as "weighted".

    Maps `L x (B, C_l, H_l, W_l)` are projected to `channels`, resized to the finest
    size and summed with the weights `relu(w_l) / (sum_k relu(w_k) + 1e-4)`, the fast
    normalised fusion of BiFPN, to one map `(B, channels, H, W)`. The method
    `granularity_weights(maps)` of the module returns these weights.

    Parameters
    ----------
    channels : int, default=64
        Number of channels to which each granularity is projected.

    References
    ----------
    .. [1] M. Tan et al., "EfficientDet: Scalable and Efficient Object Detection",
       CVPR 2020, arXiv 1911.09070.

    Examples
    --------
    >>> from skmultigran import Level, WeightedFusion
    >>> fusion = WeightedFusion(channels=8).build([Level(16, 1), Level(32, 2)])
    >>> fusion.levels
    (Level(channels=8, stride=1),)
    """

    _parameter_constraints = {"channels": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, *, channels: int = 64) -> None:
        self.channels = channels

    def build(self, levels: Sequence[Level]) -> Fusion:
        """Return a fresh weighted sum of maps of `levels`; see `FusionRecipe.build`."""
        self.check_parameters()
        return _Weighted(check_levels(levels, "WeightedFusion"), self.channels)
