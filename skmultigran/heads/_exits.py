"""Heads of early answers: one per granularity, on all that was seen so far."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from skmultigran._levels import Level
from skmultigran.heads._pooled import PooledHead


class Exits(nn.Module):
    """One head per granularity, on the pooled maps of all that was computed up to it.

    Parameters
    ----------
    recipe : PooledHead
        Recipe of each head.
    levels : sequence of Level
        Levels of the pooled maps of all granularities, from fine to coarse.
    n_outputs : int
        Number of raw numbers per answer.
    order : sequence of int
        Positions of the granularities in the order in which they are computed.
    """

    def __init__(
        self,
        recipe: PooledHead,
        levels: Sequence[Level],
        n_outputs: int,
        order: Sequence[int],
    ) -> None:
        super().__init__()
        self.order = tuple(order)
        self.heads = nn.ModuleList(
            recipe.build([levels[i] for i in self.order[: stage + 1]], n_outputs)
            for stage in range(len(self.order))
        )

    @property
    def learn(self) -> bool:
        """Whether weights or norm statistics are being learned."""
        return any(part.training for part in self.modules())

    def forward(self, grids: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Return the answers of all stages.

        Parameters
        ----------
        grids : sequence of sequences of Tensor of shape (B, C_l, g, g)
            For each grid the pooled maps of all granularities, from fine to coarse.

        Returns
        -------
        list of Tensor of shape (B, n_outputs)
            One answer per granularity, in the order in which they are computed.
        """
        in_order = [[maps[i] for i in self.order] for maps in grids]
        return [
            head([maps[: stage + 1] for maps in in_order])
            for stage, head in enumerate(self.heads)
        ]
