"""The gate: each image chooses its granularities, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from torch import Tensor, nn

from skmultigran._levels import Level, check_levels
from skmultigran._registry import register_fusion
from skmultigran._support import Interval
from skmultigran.fusions._base import (
    Fusion,
    FusionRecipe,
    Projection,
    add_all,
    resize_to_finest,
    weighted_sum,
)

# Fewer hidden units than this would let few numbers decide about all channels.
_LEAST_HIDDEN = 8


class _Gated(Fusion):
    def __init__(self, levels: Sequence[Level], channels: int, reduction: int) -> None:
        super().__init__()
        self.levels = (Level(channels, levels[0].stride),)
        self.project = Projection(levels, channels)
        hidden = max(channels // reduction, _LEAST_HIDDEN)
        # A layer norm, where the paper has a batch norm: the gate of an image then
        # depends on no other image, and a batch of one can be trained on.
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden, bias=False),
            nn.LayerNorm(hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, len(levels) * channels),
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        projected = self.project(maps)  # L x (B, D, H_l, W_l)
        shares = self._shares(projected)[..., None, None]  # (B, L, D, 1, 1)
        return [weighted_sum(resize_to_finest(projected), shares.unbind(dim=1))]

    def granularity_weights(self, maps: list[Tensor]) -> Tensor:
        """Return the share of each granularity in the sum, averaged over channels.

        Parameters
        ----------
        maps : list of Tensor of shape (B, C_l, H_l, W_l)
            The maps that come in.

        Returns
        -------
        Tensor of shape (B, L)
            The shares; each row sums to one.
        """
        return self._shares(self.project(maps)).mean(dim=2)

    def _shares(self, projected: Sequence[Tensor]) -> Tensor:
        """Return the share of each granularity in each channel, (B, L, D)."""
        summary = add_all(map_.mean(dim=(2, 3)) for map_ in projected)  # (B, D)
        logits = self.gate(summary).unflatten(1, (len(projected), -1))
        return logits.softmax(dim=1)


@register_fusion("gated")
class GatedFusion(FusionRecipe):
    """Sum all granularities with weights computed per image and channel [1]_.

    Registered as "gated".

    Maps `L x (B, C_l, H_l, W_l)` are projected to `channels`. The average of their sum,
    `(B, channels)`, goes through a small network with a softmax over granularities that
    gives weights `(B, L, channels)`; the maps, resized to the finest size, are summed
    with these weights to one map `(B, channels, H, W)`. This is the selection of SKNet,
    with granularities instead of kernel sizes. The method `granularity_weights(maps)`
    of the module returns the weights, averaged over channels.

    Parameters
    ----------
    channels : int, default=64
        Number of channels to which each granularity is projected.
    reduction : int, default=4
        The hidden layer of the gate has `channels // reduction` units, but at least 8.

    References
    ----------
    .. [1] X. Li et al., "Selective Kernel Networks", CVPR 2019, arXiv 1903.06586.

    Examples
    --------
    >>> from skmultigran import GatedFusion, Level
    >>> fusion = GatedFusion(channels=8).build([Level(16, 1), Level(32, 2)])
    >>> fusion.levels
    (Level(channels=8, stride=1),)
    """

    _parameter_constraints = {
        "channels": [Interval(Integral, 1, None, closed="left")],
        "reduction": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, channels: int = 64, reduction: int = 4) -> None:
        self.channels = channels
        self.reduction = reduction

    def build(self, levels: Sequence[Level]) -> Fusion:
        """Return a fresh gated sum of maps of `levels`; see `FusionRecipe.build`."""
        self.check_parameters()
        levels = check_levels(levels, "GatedFusion")
        return _Gated(levels, self.channels, self.reduction)
