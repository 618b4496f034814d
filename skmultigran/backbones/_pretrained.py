"""Recipes whose networks may start from weights that were learned elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from skmultigran.backbones._base import Backbone, BackboneRecipe
from skmultigran.backbones._chain import ChainBackbone
from skmultigran.backbones._weights import load_weights


class PretrainedRecipe(BackboneRecipe):
    """Base of recipes that build a skeleton and then load weights into it."""

    def build(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a fresh network with its weights; see `BackboneRecipe.build`."""
        backbone = self.skeleton(in_channels, image_size)
        # Nothing has data on the meta device, so nothing is read or downloaded.
        if self.pretrained and torch.get_default_device().type != "meta":
            shown, state = self._state(backbone)
            load_weights(backbone, state, shown, self._caller())
        return backbone

    def skeleton(self, in_channels: int, image_size: tuple[int, int]) -> ChainBackbone:
        """Return the network with random weights; see `BackboneRecipe.skeleton`."""
        raise NotImplementedError

    def _caller(self) -> str:
        """Return how messages name the recipe."""
        return type(self).__name__

    def _state(self, backbone: ChainBackbone) -> tuple[str, Mapping[str, Tensor]]:
        """Return a name for the weights, and the state dict of the whole network."""
        raise NotImplementedError
