"""The sum: all granularities weigh the same."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from torch import Tensor

from skmultigran._levels import Level, check_levels
from skmultigran._registry import register_fusion
from skmultigran._support import Interval
from skmultigran.fusions._base import (
    Fusion,
    FusionRecipe,
    Projection,
    add_all,
    resize_to_finest,
)


class _Sum(Fusion):
    def __init__(self, levels: Sequence[Level], channels: int) -> None:
        super().__init__()
        self.levels = (Level(channels, levels[0].stride),)
        self.project = Projection(levels, channels)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        return [add_all(resize_to_finest(self.project(maps)))]


@register_fusion("sum")
class SumFusion(FusionRecipe):
    """Project all granularities to one width and sum them at the finest size.

    Registered as "sum".

    As parallel resolutions are merged in HRNet [1]_. Maps `L x (B, C_l, H_l, W_l)`
    become one map `(B, channels, H, W)`.

    Parameters
    ----------
    channels : int, default=64
        Number of channels to which each granularity is projected.

    References
    ----------
    .. [1] J. Wang et al., "Deep High-Resolution Representation Learning for Visual
       Recognition", TPAMI 2020, arXiv 1908.07919.

    Examples
    --------
    >>> from skmultigran import Level, SumFusion
    >>> fusion = SumFusion(channels=8).build([Level(16, 1), Level(32, 2)])
    >>> fusion.levels
    (Level(channels=8, stride=1),)
    """

    _parameter_constraints = {"channels": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, *, channels: int = 64) -> None:
        self.channels = channels

    def build(self, levels: Sequence[Level]) -> Fusion:
        """Return a fresh sum of maps of `levels`; see `FusionRecipe.build`."""
        self.check_parameters()
        return _Sum(check_levels(levels, "SumFusion"), self.channels)
