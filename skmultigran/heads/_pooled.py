"""The head for answers about whole images: pool on small grids, then one linear map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran._registry import register_head
from skmultigran._support import Interval

_POOLINGS: dict[str, Callable[..., Tensor]] = {
    "avg": functional.adaptive_avg_pool2d,
    "max": functional.adaptive_max_pool2d,
}


def _mean(map_: Tensor) -> Tensor:
    if map_.is_contiguous(memory_format=torch.channels_last):
        # Pixels next to each other are summed several times as fast as two axes.
        return map_.permute(0, 2, 3, 1).flatten(1, 2).mean(dim=1)[:, :, None, None]
    return map_.mean((2, 3), keepdim=True)


def _max(map_: Tensor) -> Tensor:
    # Unlike `amax`, its backward pass does not look for the largest values again.
    return functional.max_pool2d(map_, map_.shape[-2:])


_WHOLE_MAP: dict[str, Callable[[Tensor], Tensor]] = {"avg": _mean, "max": _max}


def _cell_means(map_: Tensor, cells: tuple[int, int]) -> Tensor:
    """Average cells by one matrix product, whose backward pass is the quicker one."""
    height, width = map_.shape[-2:]
    members = torch.from_numpy(_cell_members((height, width), cells)).to(map_)
    pixels = map_.permute(0, 2, 3, 1).flatten(1, 2)  # (B, H * W, C)
    # Sums first: reciprocals of counts would be rounded in bfloat16.
    means = (members @ pixels) / members.sum(1, keepdim=True)
    return means.transpose(1, 2).unflatten(2, cells)


# An array: a tensor made on the meta device, or while a network is traced, is of no use
# to anybody after.
@lru_cache(maxsize=64)
def _cell_members(size: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Return which pixels belong to which cell, as adaptive pooling cuts.

    Of shape (rows * columns, H * W), of 0 and 1.
    """
    sides = [_side_members(*both) for both in zip(size, cells, strict=True)]
    return np.kron(*sides)


def _side_members(n_pixels: int, n_cells: int) -> np.ndarray:
    cell, pixel = np.arange(n_cells)[:, None], np.arange(n_pixels)
    first = cell * n_pixels // n_cells
    end = -(-(cell + 1) * n_pixels // n_cells)
    return ((first <= pixel) & (pixel < end)).astype(np.float32)


_LEARNED_FROM = _POOLINGS | {"avg": _cell_means}

# Roots are infinitely steep at zero: smaller features count as so large.
_SMALLEST = 1e-6
# Features that are mapped to the answer as they are; more are scaled down.
_FEATURES_AT_FULL_SCALE = 256


class GridPooling(nn.Module):
    """Pool each map to every grid, all poolings side by side as channels.

    Parameters
    ----------
    pooling : sequence of {"avg", "max"}
        What is taken of each cell.
    grid : sequence of int
        Cells per side.
    """

    def __init__(self, pooling: Sequence[str], grid: Sequence[int]) -> None:
        super().__init__()
        self.pooling = tuple(pooling)
        self.grid = tuple(grid)

    def levels(self, levels: Sequence[Level]) -> tuple[Level, ...]:
        """Return the levels of the pooled maps.

        Parameters
        ----------
        levels : sequence of Level
            Levels of the maps that come in.

        Returns
        -------
        tuple of Level
            As many levels, with the channels of all poolings.
        """
        factor = len(self.pooling)
        return tuple(Level(level.channels * factor, level.stride) for level in levels)

    def forward(self, maps: Sequence[Tensor]) -> list[list[Tensor]]:
        """Return the pooled maps, one list per grid.

        Parameters
        ----------
        maps : sequence of Tensor of shape (B, C_l, H_l, W_l)
            The maps.

        Returns
        -------
        list of list of Tensor of shape (B, C_l * poolings, g, g)
            For each grid the pooled maps.
        """
        return [
            [self.pool_map(map_, (side, side)) for map_ in maps] for side in self.grid
        ]

    def pool_map(self, map_: Tensor, cells: tuple[int, int]) -> Tensor:
        """Return one map pooled to one grid.

        Parameters
        ----------
        map_ : Tensor of shape (B, C, H, W)
            The map.
        cells : tuple of int
            `(rows, columns)` of the grid.

        Returns
        -------
        Tensor of shape (B, C * poolings, rows, columns)
            The pooled map.
        """
        if cells == (1, 1) and map_.shape[-2:].numel() > 1:
            # The same numbers as adaptive pooling, whose backward pass takes longer.
            parts = [_WHOLE_MAP[name](map_) for name in self.pooling]
        else:
            ways = _LEARNED_FROM if map_.requires_grad else _POOLINGS
            parts = [ways[name](map_, cells) for name in self.pooling]
        return torch.cat(parts, dim=1)


class PooledFeatures(nn.Module):
    """Pooled and fused maps as one row of features per image.

    Parameters
    ----------
    pooling : GridPooling
        How maps are pooled.
    levels : sequence of Level
        Levels of the pooled and fused maps.
    """

    def __init__(self, pooling: GridPooling, levels: Sequence[Level]) -> None:
        super().__init__()
        self.pool = pooling
        self.levels = tuple(levels)

    def features(self, grids: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return the features, grid by grid.

        Parameters
        ----------
        grids : sequence of sequences of Tensor of shape (B, C_l, g, g)
            For each grid the pooled and fused maps.

        Returns
        -------
        Tensor of shape (B, n_features)
            All of it side by side.
        """
        return torch.cat([map_.flatten(1) for maps in grids for map_ in maps], dim=1)

    def forward(self, grids: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return the features; see `PooledFeatures.features`.

        Parameters
        ----------
        grids : sequence of sequences of Tensor of shape (B, C_l, g, g)
            For each grid the pooled and fused maps.

        Returns
        -------
        Tensor of shape (B, n_features)
            All of it side by side.
        """
        return self.features(grids)


class Pooled(PooledFeatures):
    """Module of `PooledHead`.

    Parameters
    ----------
    pooling : GridPooling
        How maps are pooled.
    levels : sequence of Level
        Levels of the pooled and fused maps.
    n_outputs : int
        Number of raw numbers per image.
    dropout : float
        Dropout rate of the features.
    power : float
        Power of the features.
    """

    def __init__(
        self,
        pooling: GridPooling,
        levels: Sequence[Level],
        n_outputs: int,
        dropout: float,
        power: float = 1.0,
    ) -> None:
        super().__init__(pooling, levels)
        cells = sum(side * side for side in pooling.grid)
        features = cells * sum(level.channels for level in levels)
        self.norm = nn.BatchNorm1d(features)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(features, n_outputs)
        self.power = power
        self.scale = min(1.0, _FEATURES_AT_FULL_SCALE / features)

    def forward(self, grids: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return the raw numbers.

        Parameters
        ----------
        grids : sequence of sequences of Tensor of shape (B, C_l, g, g)
            For each grid the pooled and fused maps.

        Returns
        -------
        Tensor of shape (B, n_outputs)
            Raw numbers, such as logits.
        """
        features = self.norm(self.columns(grids))
        return self.linear(self.dropout(features * self.scale))

    def columns(self, grids: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return what is normalised and mapped linearly to the answer.

        Parameters
        ----------
        grids : sequence of sequences of Tensor of shape (B, C_l, g, g)
            For each grid the pooled and fused maps.

        Returns
        -------
        Tensor of shape (B, n_features)
            The features to their power.
        """
        features = self.features(grids)
        if self.power == 1:
            return features
        sizes = features.abs().clamp_min(_SMALLEST)
        return features.sign() * sizes**self.power


@register_head("pooled")
class PooledHead(Recipe):
    """Pool every fused map on small grids and apply a linear layer.

    Registered as "pooled".

    A 1 x 1 grid keeps what is in the image, a 2 x 2 grid also roughly where: averages
    over whole maps alone would lose the layout. If a map has fewer pixels than the
    grid, pixels are repeated.

    The features are normalised, and more than 256 of them are scaled down in proportion
    to their number. Otherwise one step of an optimizer such as Adam, which changes
    every weight by a similar amount, would change the predictions of wider networks
    more [1]_.

    Parameters
    ----------
    pooling : sequence of {"avg", "max"}, default=("avg", "max")
        Statistics computed for each cell.
    grid : sequence of int, default=(1, 2)
        Numbers of cells along each side; each entry adds its cells.
    dropout : float, default=0.0
        Dropout rate of the features, in [0, 1).
    power : float, default=1.0
        Exponent of the absolute values of the features, in (0, 1]; signs are kept. 0.5,
        the square root, evens out the few large values among the averages of a frozen
        backbone [2]_.

    References
    ----------
    .. [1] G. Yang et al., "Tensor Programs V: Tuning Large Neural Networks via
       Zero-Shot Hyperparameter Transfer", NeurIPS 2021, arXiv 2203.03466.
    .. [2] F. Perronnin, J. Sánchez and T. Mensink, "Improving the Fisher Kernel for
       Large-Scale Image Classification", ECCV 2010.

    Examples
    --------
    >>> from skmultigran import Level, PooledHead
    >>> head = PooledHead(grid=(1,))
    >>> head.build_pooling().levels([Level(64, 4)])
    (Level(channels=128, stride=4),)
    """

    _parameter_constraints = {
        "pooling": ["array-like"],
        "grid": ["array-like"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "power": [Interval(Real, 0, 1, closed="right")],
    }
    answers = "image"

    def __init__(
        self,
        *,
        pooling: Sequence[str] = ("avg", "max"),
        grid: Sequence[int] = (1, 2),
        dropout: float = 0.0,
        power: float = 1.0,
    ) -> None:
        self.pooling = pooling
        self.grid = grid
        self.dropout = dropout
        self.power = power

    def build_pooling(self) -> GridPooling:
        """Return the pooling, which comes before fusions that are not spatial.

        Returns
        -------
        GridPooling
            The module.

        Raises
        ------
        ValueError
            If a pooling is unknown or a grid is no positive integer.
        """
        self.check_parameters()
        if not len(self.pooling) or not set(self.pooling) <= set(_POOLINGS):
            raise ValueError(
                f"PooledHead got pooling={self.pooling!r}; it must be a sequence of "
                f"{', '.join(repr(name) for name in _POOLINGS)}."
            )
        sides = tuple(self.grid)
        if not sides or not all(isinstance(g, Integral) and g > 0 for g in sides):
            raise ValueError(
                f"PooledHead got grid={self.grid!r}; it must be a sequence of positive "
                "integers, such as (1, 2)."
            )
        return GridPooling(tuple(self.pooling), tuple(int(side) for side in sides))

    def build(self, levels: Sequence[Level], n_outputs: int | None) -> PooledFeatures:
        """Return a fresh head.

        Parameters
        ----------
        levels : sequence of Level
            Levels of the pooled and fused maps.
        n_outputs : int or None
            Number of raw numbers per image. None: the features themselves, with
            nothing to learn.

        Returns
        -------
        PooledFeatures
            The module; its `pool` is the pooling.
        """
        pooling = self.build_pooling()
        if n_outputs is None:
            return PooledFeatures(pooling, levels)
        return Pooled(pooling, levels, n_outputs, self.dropout, self.power)
