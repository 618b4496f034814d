"""Concatenation: every granularity keeps its own channels."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor, nn

from skmultigran._levels import Level, check_levels
from skmultigran._registry import register_fusion
from skmultigran._support import Interval
from skmultigran.fusions._base import (
    Fusion,
    FusionRecipe,
    Projection,
    resize_to_finest,
)


class _Concat(Fusion):
    def __init__(self, levels: Sequence[Level], channels: int | None) -> None:
        super().__init__()
        widths = [level.channels if channels is None else channels for level in levels]
        self.levels = (Level(sum(widths), levels[0].stride),)
        self.project = (
            Projection(levels, channels) if channels is not None else nn.Identity()
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        projected = self.project(maps)  # L x (B, C_l, H_l, W_l)
        return [torch.cat(resize_to_finest(projected), dim=1)]


@register_fusion("concat")
class ConcatFusion(FusionRecipe):
    """Concatenate the channels of all granularities at the finest size.

    Registered as "concat".

    The standard way to combine multi-scale features, as in the concatenation branch of
    progressive multi-granularity training [1]_. Maps `L x (B, C_l, H_l, W_l)` become
    one map `(B, sum C_l, H, W)`.

    Parameters
    ----------
    channels : int or None, default=None
        Number of channels to which each granularity is projected before the
        concatenation; None keeps the channels unchanged.

    References
    ----------
    .. [1] R. Du et al., "Fine-Grained Visual Classification via Progressive
       Multi-Granularity Training of Jigsaw Patches", ECCV 2020, arXiv 2003.03836.

    Examples
    --------
    >>> from skmultigran import ConcatFusion, Level
    >>> fusion = ConcatFusion(channels=8).build([Level(16, 1), Level(32, 2)])
    >>> fusion.levels
    (Level(channels=16, stride=1),)
    """

    _parameter_constraints = {
        "channels": [Interval(Integral, 1, None, closed="left"), None]
    }

    def __init__(self, *, channels: int | None = None) -> None:
        self.channels = channels

    def build(self, levels: Sequence[Level]) -> Fusion:
        """Return a fresh module for maps of `levels`; see `FusionRecipe.build`."""
        self.check_parameters()
        return _Concat(check_levels(levels, "ConcatFusion"), self.channels)
