"""Self-attention over granularities and positions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import cast

import torch
from torch import Tensor, nn

from skmultigran._levels import Level, check_levels
from skmultigran._registry import register_fusion
from skmultigran._support import Interval
from skmultigran.fusions._base import (
    Fusion,
    FusionRecipe,
    Projection,
    resize_to,
    spatial_size,
)


class _Attention(Fusion):
    def __init__(
        self,
        levels: Sequence[Level],
        channels: int,
        heads: int,
        depth: int,
        grid: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.levels = tuple(Level(channels, level.stride) for level in levels)
        self.grid = grid
        self.project = Projection(levels, channels)
        self.granularity_embedding = nn.Parameter(torch.zeros(len(levels), 1, channels))
        self.position_embedding = nn.Parameter(torch.zeros(1, channels, grid, grid))
        nn.init.trunc_normal_(self.granularity_embedding, std=0.02)
        nn.init.trunc_normal_(self.position_embedding, std=0.02)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                channels,
                heads,
                dim_feedforward=2 * channels,
                dropout=dropout,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        projected = self.project(maps)  # L x (B, D, H_l, W_l)
        grids = [self._pool(map_) for map_ in projected]  # L x (B, D, g_l, g_l)
        tokens = self._tokens(grids)
        for layer in self.layers:
            tokens = layer(tokens)
        changes = self._to_grids(self.norm(tokens), grids)
        return [
            map_ + resize_to(change, spatial_size(map_))
            for map_, change in zip(projected, changes, strict=True)
        ]

    def granularity_weights(self, maps: list[Tensor]) -> Tensor:
        """Return the share of the attention that each granularity receives.

        Parameters
        ----------
        maps : list of Tensor of shape (B, C_l, H_l, W_l)
            The maps that come in.

        Returns
        -------
        Tensor of shape (B, L)
            Attention weights, summed over the tokens of a granularity and averaged
            over heads, layers and the tokens that attend. In eval mode each row sums
            to one; in train mode dropout takes some away.
        """
        grids = [self._pool(map_) for map_ in self.project(maps)]
        tokens = self._tokens(grids)
        received = []
        for layer in cast("Iterable[nn.TransformerEncoderLayer]", self.layers):
            normed = layer.norm1(tokens)
            _, weights = layer.self_attn(normed, normed, normed)  # (B, T, T)
            received.append(weights.mean(dim=1))
            tokens = layer(tokens)
        mean = torch.stack(received).mean(dim=0)  # (B, T)
        parts = torch.split(mean, _counts(grids), dim=1)
        return torch.stack([part.sum(dim=1) for part in parts], dim=1)

    def _pool(self, map_: Tensor) -> Tensor:
        height, width = spatial_size(map_)
        return resize_to(map_, (min(self.grid, height), min(self.grid, width)))

    def _tokens(self, grids: Sequence[Tensor]) -> Tensor:
        """Return the tokens of all grids, (B, T, D) with T = sum g_l * g_l."""
        embedded = [self._embed(grid, i) for i, grid in enumerate(grids)]
        return torch.cat(embedded, dim=1)

    def _embed(self, grid: Tensor, granularity: int) -> Tensor:
        # A smaller grid gets the mean of the positions that each of its cells covers.
        position = resize_to(self.position_embedding, spatial_size(grid))
        tokens = (grid + position).flatten(2).transpose(1, 2)  # (B, g * g, D)
        return tokens + self.granularity_embedding[granularity]

    @staticmethod
    def _to_grids(tokens: Tensor, grids: Sequence[Tensor]) -> list[Tensor]:
        parts = torch.split(tokens, _counts(grids), dim=1)
        return [
            part.transpose(1, 2).reshape(grid.shape)
            for part, grid in zip(parts, grids, strict=True)
        ]


def _counts(grids: Sequence[Tensor]) -> list[int]:
    """Return the number of tokens of each grid."""
    return [grid.shape[-2] * grid.shape[-1] for grid in grids]


@register_fusion("attention")
class AttentionFusion(FusionRecipe):
    """Multi-head self-attention over all granularities and a grid of positions [1]_.

    Registered as "attention".

    Each map `(B, C_l, H_l, W_l)` is projected to `channels` and averaged to a
    `grid x grid` of tokens, to which embeddings of granularity and position are added.
    In a pre-norm transformer encoder each token attends to all others, and the change
    of the tokens is added back to the whole map. It returns one map
    `(B, channels, H_l, W_l)` per input map.

    Parameters
    ----------
    channels : int, default=64
        Number of channels of the tokens and of the returned maps; a multiple of
        `heads`.
    heads : int, default=4
        Number of attention heads.
    depth : int, default=1
        Number of encoder layers.
    grid : int, default=2
        Number of tokens along each side, per granularity.
    dropout : float, default=0.0
        Dropout rate inside the encoder, in [0, 1).

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
       arXiv 1706.03762.

    Examples
    --------
    >>> from skmultigran import AttentionFusion, Level
    >>> fusion = AttentionFusion(channels=32).build([Level(16, 1), Level(64, 4)])
    >>> fusion.levels
    (Level(channels=32, stride=1), Level(channels=32, stride=4))
    """

    _parameter_constraints = {
        "channels": [Interval(Integral, 1, None, closed="left")],
        "heads": [Interval(Integral, 1, None, closed="left")],
        "depth": [Interval(Integral, 1, None, closed="left")],
        "grid": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        channels: int = 64,
        heads: int = 4,
        depth: int = 1,
        grid: int = 2,
        dropout: float = 0.0,
    ) -> None:
        self.channels = channels
        self.heads = heads
        self.depth = depth
        self.grid = grid
        self.dropout = dropout

    def build(self, levels: Sequence[Level]) -> Fusion:
        """Return a fresh encoder for maps of `levels`; see `FusionRecipe.build`."""
        self.check_parameters()
        below = self.channels - self.channels % self.heads
        if below != self.channels:
            nearest = [str(n) for n in (below, below + self.heads) if n]
            raise ValueError(
                f"AttentionFusion got channels={self.channels} and heads={self.heads}; "
                "channels must be a multiple of heads. Nearest channels that fit: "
                f"{' or '.join(nearest)}."
            )
        return _Attention(
            check_levels(levels, "AttentionFusion"),
            self.channels,
            self.heads,
            self.depth,
            self.grid,
            self.dropout,
        )
