"""Maps as the backbone gives them: the fusion that does nothing."""

from __future__ import annotations

from skmultigran.fusions import Fusion, FusionRecipe


class UnfusedMaps(FusionRecipe):
    """Leave every granularity as it is, for features that belong to one each."""

    def build(self, levels):
        """Return the module; see `FusionRecipe.build`."""
        return _Unfused(levels)


class _Unfused(Fusion):
    def __init__(self, levels):
        super().__init__()
        self.levels = tuple(levels)

    def forward(self, maps):
        return list(maps)
