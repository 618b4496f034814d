"""The feature pyramid network: coarse meaning flows down to fine maps."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from torch import Tensor, nn
from torch.nn import functional

from skmultigran._levels import Level, check_levels
from skmultigran._registry import register_fusion
from skmultigran._support import Interval
from skmultigran.fusions._base import Fusion, FusionRecipe, Projection


def add_from_above(map_: Tensor, above: Tensor) -> Tensor:
    """Return a map plus the next coarser one, enlarged to the map's own size.

    Enlarging to the size of the lateral map, not by a factor of two, is what makes
    every image size work.

    Parameters
    ----------
    map_ : Tensor of shape (B, D, H, W)
        The finer map.
    above : Tensor of shape (B, D, h, w)
        The coarser map.

    Returns
    -------
    Tensor of shape (B, D, H, W)
        The sum.
    """
    return map_ + functional.interpolate(above, map_.shape[-2:], mode="nearest")


def convolution_block(channels: int, stride: int = 1) -> nn.Sequential:
    """Return a 3 x 3 convolution with norm and activation that keeps the width.

    Parameters
    ----------
    channels : int
        Width of the map that comes in and of the one that goes out.
    stride : int, default=1
        Stride of the convolution.

    Returns
    -------
    torch.nn.Sequential
        The block.
    """
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


class FeaturePyramid(Fusion):
    """Module of `FPNFusion`.

    Parameters
    ----------
    levels : sequence of Level
        Levels of the maps that come in.
    channels : int
        Width of the maps that go out.
    """

    def __init__(self, levels: Sequence[Level], channels: int) -> None:
        super().__init__()
        self.levels = tuple(Level(channels, level.stride) for level in levels)
        self.project = Projection(levels, channels)
        self.smooth = nn.ModuleList(convolution_block(channels) for _ in levels)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return the maps of the pyramid; see `Fusion.forward`."""
        merged = self.project(maps)  # L x (B, D, H_l, W_l)
        for i in range(len(merged) - 2, -1, -1):
            merged[i] = add_from_above(merged[i], merged[i + 1])
        return [smooth(map_) for smooth, map_ in zip(self.smooth, merged, strict=True)]


@register_fusion("fpn")
class FPNFusion(FusionRecipe):
    """Feature pyramid network: a top-down path with lateral connections [1]_.

    Registered as "fpn".

    Each map `(B, C_l, H_l, W_l)` is projected to `channels`, receives the next coarser
    result enlarged to its own size, and is smoothed by a 3 x 3 convolution. It returns
    one map `(B, channels, H_l, W_l)` per input map.

    Parameters
    ----------
    channels : int, default=64
        Number of channels of all maps of the pyramid.

    References
    ----------
    .. [1] T.-Y. Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017,
       arXiv 1612.03144.

    Examples
    --------
    >>> from skmultigran import FPNFusion, Level
    >>> fusion = FPNFusion(channels=16).build([Level(32, 1), Level(64, 2)])
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
        return FeaturePyramid(check_levels(levels, "FPNFusion"), self.channels)
