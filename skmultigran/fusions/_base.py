"""What every fusion promises, and the blocks that several fusions use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional

from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran._registry import FUSIONS


class Fusion(nn.Module):
    """Module that turns a list of maps into a list of fused maps.

    Attributes
    ----------
    levels : tuple of Level
        Levels of the maps that `forward` returns, from fine to coarse.
    """

    levels: tuple[Level, ...]

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return the fused maps.

        Parameters
        ----------
        maps : list of Tensor of shape (B, C_i, H_i, W_i)
            One map of any size per level the fusion was built for, fine to coarse.

        Returns
        -------
        list of Tensor
            One map per level of `levels`.
        """
        raise NotImplementedError


@FUSIONS.base
class FusionRecipe(Recipe):
    """Base of the recipes for `fusion=`.

    Attributes
    ----------
    spatial : bool
        Whether the fusion combines neighbouring positions. One that does not is applied
        after pooling if the prediction is about whole images: the same module, on small
        maps.
    """

    spatial: bool = False

    def build(self, levels: Sequence[Level]) -> Fusion:
        """Return a fresh fusion.

        Parameters
        ----------
        levels : sequence of Level
            Levels of the input maps, from fine to coarse.

        Returns
        -------
        Fusion
            The module, with its own `levels`.

        Raises
        ------
        ValueError
            If the fusion does not support the levels; the message names both parts and
            what is missing.
        """
        raise NotImplementedError


def spatial_size(map_: Tensor) -> tuple[int, int]:
    """Return the `(height, width)` of a map.

    Parameters
    ----------
    map_ : Tensor of shape (B, C, H, W)
        The map.

    Returns
    -------
    tuple of int
        `(H, W)`.
    """
    return map_.shape[-2], map_.shape[-1]


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
    height, width = spatial_size(map_)
    # One axis may shrink while the other grows; interpolating both at once would skip
    # pixels of the one that shrinks.
    smaller = min(height, size[0]), min(width, size[1])
    if smaller != (height, width):
        map_ = functional.adaptive_avg_pool2d(map_, smaller)
    if smaller != tuple(size):
        map_ = functional.interpolate(map_, size, mode="bilinear", align_corners=False)
    return map_


def resize_to_finest(maps: Sequence[Tensor]) -> list[Tensor]:
    """Return maps resized to the largest height and width among them.

    Parameters
    ----------
    maps : sequence of Tensor of shape (B, C_i, H_i, W_i)
        The maps.

    Returns
    -------
    list of Tensor of shape (B, C_i, H, W)
        All maps at the finest size.
    """
    finest = max(map_.shape[-2] for map_ in maps), max(map_.shape[-1] for map_ in maps)
    return [resize_to(map_, finest) for map_ in maps]


def add_all(maps: Iterable[Tensor]) -> Tensor:
    """Return the sum of maps of one shape.

    Parameters
    ----------
    maps : iterable of Tensor of shape (B, C, H, W)
        The maps, at least one.

    Returns
    -------
    Tensor of shape (B, C, H, W)
        The sum.
    """
    return reduce(torch.add, maps)


def weighted_sum(maps: Sequence[Tensor], weights: Iterable[Tensor]) -> Tensor:
    """Return the sum of maps of one shape, each times its weight.

    Parameters
    ----------
    maps : sequence of Tensor of shape (B, C, H, W)
        The maps, at least one.
    weights : iterable of Tensor
        One weight per map, of any shape that broadcasts with the map.

    Returns
    -------
    Tensor of shape (B, C, H, W)
        The weighted sum.
    """
    return add_all(weight * map_ for map_, weight in zip(maps, weights, strict=True))


class PointwiseConv2d(nn.Conv2d):
    """A 1 x 1 convolution that is quick on maps of few pixels too, as pooled ones are.

    Parameters
    ----------
    in_channels, out_channels : int
        Widths.
    bias : bool, default=True
        Whether to add a bias.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, 1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolved map.

        Parameters
        ----------
        input : Tensor of shape (B, in_channels, H, W)
            The map.

        Returns
        -------
        Tensor of shape (B, out_channels, H, W)
            The map of its pixels, each mapped by itself.
        """
        if spatial_size(input) == (1, 1):  # one matrix product, without preparations
            weight = self.weight.flatten(1)
            rows = functional.linear(input.flatten(1), weight, self.bias)
            return rows[:, :, None, None]
        return super().forward(input.contiguous(memory_format=torch.channels_last))


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
                PointwiseConv2d(level.channels, channels, bias=False),
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


class FastNormalisedWeights(nn.Module):
    """Learned shares of several inputs: `relu(w) / (sum relu(w) + 1e-4)` [1]_.

    Parameters
    ----------
    count : int
        Number of inputs. All have the same share at first.

    References
    ----------
    .. [1] M. Tan et al., "EfficientDet: Scalable and Efficient Object Detection",
       CVPR 2020, arXiv 1911.09070.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(count))

    def forward(self) -> Tensor:
        """Return the normalised weights.

        Returns
        -------
        Tensor of shape (count,)
            Shares, not negative; their sum is just below one.
        """
        positive = functional.relu(self.weight)
        return positive / (positive.sum() + 1e-4)
