"""The path aggregation network: after the way down, fine detail flows up again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral

from torch import Tensor, nn

from skmultigran._levels import Level, check_levels
from skmultigran._registry import register_fusion
from skmultigran._support import Interval
from skmultigran.fusions._base import (
    Fusion,
    FusionRecipe,
    resize_to,
    spatial_size,
)
from skmultigran.fusions._fpn import FeaturePyramid, convolution_block


def _step(fine: Level, coarse: Level) -> int:
    """Return the stride of the convolution from one level to the next.

    At most two, so that a 3 x 3 convolution skips no pixel; averaging does the rest.
    """
    return 1 if coarse.stride / fine.stride < 1.5 else 2


class _PAFPN(Fusion):
    def __init__(self, levels: Sequence[Level], channels: int) -> None:
        super().__init__()
        self.top_down = FeaturePyramid(levels, channels)
        self.levels = self.top_down.levels
        self.shrink = nn.ModuleList(
            convolution_block(channels, _step(fine, coarse))
            for fine, coarse in pairwise(levels)
        )
        self.smooth = nn.ModuleList(convolution_block(channels) for _ in levels[1:])

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        pyramid = self.top_down(maps)  # L x (B, D, H_l, W_l)
        fused = pyramid[:1]
        for shrink, smooth, map_ in zip(
            self.shrink, self.smooth, pyramid[1:], strict=True
        ):
            below = resize_to(shrink(fused[-1]), spatial_size(map_))
            fused.append(smooth(map_ + below))
        return fused


@register_fusion("pafpn")
class PAFPNFusion(FusionRecipe):
    """Path aggregation network: a feature pyramid and a bottom-up path [1]_.

    Registered as "pafpn".

    Each map of a feature pyramid (see `FPNFusion`) receives the next finer result,
    convolved and resized to its own size, and is smoothed once more. It returns one map
    `(B, channels, H_l, W_l)` per input map.

    Parameters
    ----------
    channels : int, default=64
        Number of channels of all maps of the pyramid.

    References
    ----------
    .. [1] S. Liu et al., "Path Aggregation Network for Instance Segmentation", CVPR
       2018, arXiv 1803.01534.

    Examples
    --------
    >>> from skmultigran import Level, PAFPNFusion
    >>> fusion = PAFPNFusion(channels=16).build([Level(32, 1), Level(64, 2)])
    >>> fusion.levels
    (Level(channels=16, stride=1), Level(channels=16, stride=2))
    """

    _parameter_constraints = {"channels": [Interval(Integral, 1, None, closed="left")]}
    spatial = True

    def __init__(self, *, channels: int = 64) -> None:
        self.channels = channels

    def build(self, levels: Sequence[Level]) -> Fusion:
        """Return a fresh pyramid for maps of `levels`; see `FusionRecipe.build`."""
        self.check_parameters()
        return _PAFPN(check_levels(levels, "PAFPNFusion"), self.channels)
