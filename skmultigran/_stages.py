"""A network that is asked for one granularity after the other."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor

from skmultigran._network import MultiGranularityNetwork
from skmultigran.heads import Exits

# What is known of images, by name; the first axis of each is that of the images.
Seen = dict[str, Tensor]


class Stages:
    """The stages of a network with early answers, each computed only when asked for.

    The coarsest scale comes first, and of each scale one level after the other, as the
    backbone computes them; the last stage is the fused answer.

    Parameters
    ----------
    network : MultiGranularityNetwork
        A network in evaluation mode, with `exits`.

    Attributes
    ----------
    names : list of str
        Names of the granularities in the order of the stages, and "fused".
    """

    def __init__(self, network: MultiGranularityNetwork) -> None:
        self.network = network
        self.order = network.pyramid.computing_order
        names = network.pyramid.granularities
        self.names = [*(names[i] for i in self.order), "fused"]

    def __len__(self) -> int:
        return len(self.names)

    def look(self, stage: int, seen: Seen) -> tuple[Tensor, Seen]:
        """Return the answer of a stage, and all that is then known of the images.

        Parameters
        ----------
        stage : int
            Number of the stage; every one is asked for, from 0.
        seen : dict of str to Tensor
            For the first stage `images` of shape (B, C, H, W) with values in [0, 1];
            then what the call before returned, of all images or of some of them.

        Returns
        -------
        answer : Tensor of shape (B, n_outputs)
            Raw numbers.
        seen : dict of str to Tensor
            For the next stage.
        """
        network = self.network
        if stage == len(self.order):
            return network.head(self._fused(seen)), {}
        seen = self._with_map(stage, seen)
        # In the order in which they were looked at, as the heads take them.
        grids = [list(grid.values()) for grid in self._grids(seen, stage + 1)]
        return cast(Exits, network.exits).heads[stage](grids), seen

    def _with_map(self, stage: int, seen: Seen) -> Seen:
        network, position = self.network, self.order[stage]
        seen = dict(seen)
        if stage == 0:
            seen["images"] = network.normalised(seen["images"])
        before = [seen.pop(name) for name in list(seen) if name.startswith("carried")]
        map_, carried = network.pyramid.next_map(
            position, seen["images"], tuple(before)
        )
        seen |= {f"carried {number}": part for number, part in enumerate(carried)}
        if network.fuse_maps:
            seen[f"map {position}"] = map_
        pooled = [grid.flatten(1) for (grid,) in network.head.pool([map_])]
        known = [seen["pooled"]] if stage else []
        seen["pooled"] = torch.cat([*known, *pooled], dim=1)
        return seen

    def _grids(self, seen: Seen, n_looked_at: int) -> list[dict[int, Tensor]]:
        """Return the pooled maps of each grid, by position of the granularity."""
        pool = self.network.head.pool
        levels = pool.levels(self.network.pyramid.levels)
        places = [
            (i, g) for i in self.order[:n_looked_at] for g in range(len(pool.grid))
        ]
        shapes = [(levels[i].channels, pool.grid[g], pool.grid[g]) for i, g in places]
        parts = seen["pooled"].split([math.prod(shape) for shape in shapes], dim=1)
        grids: list[dict[int, Tensor]] = [{} for _ in pool.grid]
        for (position, grid), shape, part in zip(places, shapes, parts, strict=True):
            grids[grid][position] = part.unflatten(1, shape)
        return grids

    def _fused(self, seen: Seen) -> list[list[Tensor]]:
        fine_to_coarse = range(len(self.order))
        if self.network.fuse_maps:
            return self.network.fuse([seen[f"map {i}"] for i in fine_to_coarse])
        grids = self._grids(seen, len(self.order))
        return self.network.fuse_pooled([[g[i] for i in fine_to_coarse] for g in grids])
