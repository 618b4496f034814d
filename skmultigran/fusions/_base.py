"""What every fusion promises, and the blocks that several fusions use."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from skmultigran._levels import Level
from skmultigran._recipe import Recipe


class Fusion(nn.Module):
    """Module that turns a list of maps into a list of fused maps.

    Attributes
    ----------
    levels : tuple of Level
        What `forward` returns, from fine to coarse.
    """

    levels: tuple[Level, ...]

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return the fused maps.

        Parameters
        ----------
        maps : list of Tensor of shape (B, C_i, H_i, W_i)
            One map per level the fusion was built for, fine to coarse, of any sizes.

        Returns
        -------
        list of Tensor
            One map per level of `levels`.
        """
        raise NotImplementedError


class FusionRecipe(Recipe):
    """Base of the recipes for `fusion=`.

    Attributes
    ----------
    spatial : bool
        Whether the fusion looks at neighbouring positions. One that does not is applied
        after pooling where the answer is about the whole image: the same module, on
        small maps.
    """

    spatial: bool = False

    def build(self, levels: Sequence[Level]) -> Fusion:
        """Return a fresh fusion.

        Parameters
        ----------
        levels : sequence of Level
            The levels of the maps that come in, from fine to coarse.

        Returns
        -------
        Fusion
            The module, with its own `levels`.

        Raises
        ------
        ValueError
            If the fusion cannot work with the levels; the message names both parts,
            the need, and what is missing.
        """
        raise NotImplementedError


def resize_to(map_: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a map resized to `size`: averaged when it shrinks, linear when it grows.

    Parameters
    ----------
    map_ : Tensor of shape (B, C, H, W)
        The map.
    size : tuple of int
        The new `(height, width)`.

    Returns
    -------
    Tensor of shape (B, C, *size)
        The resized map; the same tensor when the size is right already.
    """
    if tuple(map_.shape[-2:]) == tuple(size):
        return map_
    if map_.shape[-2] >= size[0] and map_.shape[-1] >= size[1]:
        return functional.adaptive_avg_pool2d(map_, size)
    return functional.interpolate(map_, size, mode="bilinear", align_corners=False)


def finest_size(maps: Sequence[Tensor]) -> tuple[int, int]:
    """Return the largest height and width among `maps`.

    Parameters
    ----------
    maps : sequence of Tensor of shape (B, C_i, H_i, W_i)
        The maps.

    Returns
    -------
    tuple of int
        `(height, width)`.
    """
    return max(m.shape[-2] for m in maps), max(m.shape[-1] for m in maps)


class Projection(nn.Module):
    """Bring maps of several widths to one width: a 1 x 1 convolution and a norm each.

    Parameters
    ----------
    levels : sequence of Level
        Levels of the maps.
    channels : int
        The common width.
    """

    def __init__(self, levels: Sequence[Level], channels: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(level.channels, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
            )
            for level in levels
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return the projected maps, each of the size it had.

        Parameters
        ----------
        maps : sequence of Tensor of shape (B, C_i, H_i, W_i)
            The maps.

        Returns
        -------
        list of Tensor of shape (B, channels, H_i, W_i)
            The projected maps.
        """
        return [
            lateral(map_) for lateral, map_ in zip(self.laterals, maps, strict=True)
        ]


def stack_resized(maps: Sequence[Tensor]) -> Tensor:
    """Return maps of one width, resized to the finest size, stacked.

    Parameters
    ----------
    maps : sequence of Tensor of shape (B, C, H_i, W_i)
        The maps.

    Returns
    -------
    Tensor of shape (B, L, C, H, W)
        All maps at the finest size.
    """
    size = finest_size(maps)
    return torch.stack([resize_to(map_, size) for map_ in maps], dim=1)
