"""Maps of any levels brought to one width, at strides that all differ."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from skmultigran._levels import Level

# Strides of several scales, such as 4 / 0.5 and 8, may differ by rounding.
_TOLERANCE = 1e-6


class DistinctStrides(nn.Module):
    """Project every map to one width and add those of equal stride.

    Parameters
    ----------
    levels : sequence of Level
        Levels of the maps that come in, fine to coarse.
    channels : int
        The width.

    Attributes
    ----------
    levels : tuple of Level
        What `forward` returns, one per distinct stride.
    members : tuple of tuple of int
        For each of them the positions of the maps that it is made of.
    """

    def __init__(self, levels: Sequence[Level], channels: int) -> None:
        super().__init__()
        self.members = _members(levels)
        self.levels = tuple(
            Level(channels, levels[first].stride) for first, *_ in self.members
        )
        self.project = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(level.channels, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
            )
            for level in levels
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return one map per distinct stride.

        Parameters
        ----------
        maps : sequence of Tensor of shape (B, C_l, H_l, W_l)
            The maps, fine to coarse.

        Returns
        -------
        list of Tensor of shape (B, channels, H_s, W_s)
            The merged maps, fine to coarse.
        """
        maps = [project(map_) for project, map_ in zip(self.project, maps, strict=True)]
        return [self._added([maps[i] for i in members]) for members in self.members]

    @staticmethod
    def _added(maps: Sequence[Tensor]) -> Tensor:
        total, *others = maps
        for map_ in others:
            if map_.shape != total.shape:
                map_ = functional.interpolate(map_, total.shape[-2:], mode="bilinear")
            total = total + map_
        return total


def _members(levels: Sequence[Level]) -> tuple[tuple[int, ...], ...]:
    groups: list[list[int]] = []
    for position, level in enumerate(levels):
        if groups:
            stride = levels[groups[-1][0]].stride
            if abs(level.stride - stride) <= _TOLERANCE * stride:
                groups[-1].append(position)
                continue
        groups.append([position])
    return tuple(tuple(group) for group in groups)
