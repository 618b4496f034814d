"""The bidirectional pyramid: weighted nodes on the way down and up, repeated."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from torch import Tensor, nn

from skmultigran._levels import Level, check_levels
from skmultigran._registry import register_fusion
from skmultigran._support import Interval
from skmultigran.fusions._base import (
    FastNormalisedWeights,
    Fusion,
    FusionRecipe,
    Projection,
    resize_to,
    spatial_size,
    weighted_sum,
)


class _Node(nn.Module):
    """Weighted sum of maps, then a depthwise separable convolution."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.weights = FastNormalisedWeights(inputs)
        self.convolve = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, *maps: Tensor) -> Tensor:
        """Return the fused map, of the size of the first one."""
        size = spatial_size(maps[0])
        resized = [resize_to(map_, size) for map_ in maps]
        return self.convolve(weighted_sum(resized, self.weights()))


class _Round(nn.Module):
    """One way down and one way up."""

    def __init__(self, n_levels: int, channels: int) -> None:
        super().__init__()
        self.top_down = nn.ModuleList(_Node(2, channels) for _ in range(n_levels - 1))
        # The coarsest level has no node on the way down, hence one input fewer.
        self.bottom_up = nn.ModuleList(
            _Node(2 if level == n_levels - 1 else 3, channels)
            for level in range(1, n_levels)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        middle = self._way_down(maps)
        fused = middle[:1]
        for i, node in enumerate(self.bottom_up[:-1], start=1):
            fused.append(node(maps[i], middle[i], fused[-1]))
        for node in self.bottom_up[-1:]:
            fused.append(node(maps[-1], fused[-1]))
        return fused

    def _way_down(self, maps: list[Tensor]) -> list[Tensor]:
        middle = list(maps)
        for i in range(len(maps) - 2, -1, -1):
            middle[i] = self.top_down[i](maps[i], middle[i + 1])
        return middle


class _BiFPN(Fusion):
    def __init__(self, levels: Sequence[Level], channels: int, repeats: int) -> None:
        super().__init__()
        self.levels = tuple(Level(channels, level.stride) for level in levels)
        self.project = Projection(levels, channels)
        self.rounds = nn.Sequential(
            *(_Round(len(levels), channels) for _ in range(repeats))
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        return self.rounds(self.project(maps))


@register_fusion("bifpn")
class BiFPNFusion(FusionRecipe):
    """Bidirectional feature pyramid with learned weights at every node [1]_.

    Registered as "bifpn".

    Maps `(B, C_l, H_l, W_l)` are projected to `channels`. In each round, coarse results
    flow down to finer maps and then fine results up to coarser ones, each resized to
    the map's own size. A node sums its two or three inputs with the weights
    `relu(w_i) / (sum_j relu(w_j) + 1e-4)` and applies a depthwise separable
    convolution. It returns one map `(B, channels, H_l, W_l)` per input map. A single
    level is only projected.

    Parameters
    ----------
    channels : int, default=64
        Number of channels of all maps of the pyramid.
    repeats : int, default=2
        Number of rounds.

    References
    ----------
    .. [1] M. Tan et al., "EfficientDet: Scalable and Efficient Object Detection",
       CVPR 2020, arXiv 1911.09070.

    Examples
    --------
    >>> from skmultigran import BiFPNFusion, Level
    >>> fusion = BiFPNFusion(channels=16).build([Level(32, 1), Level(64, 2)])
    >>> fusion.levels
    (Level(channels=16, stride=1), Level(channels=16, stride=2))
    """

    _parameter_constraints = {
        "channels": [Interval(Integral, 1, None, closed="left")],
        "repeats": [Interval(Integral, 1, None, closed="left")],
    }
    spatial = True

    def __init__(self, *, channels: int = 64, repeats: int = 2) -> None:
        self.channels = channels
        self.repeats = repeats

    def build(self, levels: Sequence[Level]) -> Fusion:
        """Return a fresh pyramid for maps of `levels`; see `FusionRecipe.build`."""
        self.check_parameters()
        levels = check_levels(levels, "BiFPNFusion")
        return _BiFPN(levels, self.channels, self.repeats)
