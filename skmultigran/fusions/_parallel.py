"""Several fusions of the same maps side by side, for tasks that fuse by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from torch import Tensor, nn

from skmultigran._levels import Level
from skmultigran._support import Interval
from skmultigran.fusions._base import Fusion, FusionRecipe


class Parallel(Fusion):
    """Module of `ParallelFusions`.

    Parameters
    ----------
    fusions : sequence of Fusion
        Fusions of the same maps, with equal levels.
    """

    def __init__(self, fusions: Sequence[Fusion]) -> None:
        super().__init__()
        self.fusions = nn.ModuleList(fusions)
        self.levels = tuple(level for level in fusions[0].levels for _ in fusions)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return the fused maps of all fusions, level by level.

        Parameters
        ----------
        maps : list of Tensor of shape (B, C_i, H_i, W_i)
            The maps that each fusion sees.

        Returns
        -------
        list of Tensor
            Of each level one map per fusion: with k fusions those of the first are
            `maps[0::k]`.
        """
        fused = [fusion(maps) for fusion in self.fusions]
        return [map_ for of_level in zip(*fused, strict=True) for map_ in of_level]


class ParallelFusions(FusionRecipe):
    """Several fusions of one recipe, each with weights of its own.

    Parameters
    ----------
    fusion : FusionRecipe
        The recipe of each.
    branches : int, default=1
        How many.

    Examples
    --------
    >>> from skmultigran import GatedFusion, Level
    >>> from skmultigran.fusions import ParallelFusions
    >>> recipe = ParallelFusions(fusion=GatedFusion(channels=8), branches=2)
    >>> recipe.build([Level(16, 1), Level(32, 2)]).levels
    (Level(channels=8, stride=1), Level(channels=8, stride=1))
    """

    _parameter_constraints = {
        "fusion": [FusionRecipe],
        "branches": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, fusion: FusionRecipe, branches: int = 1) -> None:
        self.fusion = fusion
        self.branches = branches

    @property
    def spatial(self) -> bool:  # type: ignore[override]
        """Whether the fusions look at neighbouring positions."""
        return self.fusion.spatial

    def build(self, levels: Sequence[Level]) -> Fusion:
        """Return fresh fusions of maps of `levels`; see `FusionRecipe.build`."""
        self.check_parameters()
        return Parallel([self.fusion.build(levels) for _ in range(self.branches)])
