"""Recipes whose networks may start from weights that were learned elsewhere."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from torch import Tensor

from skmultigran.backbones._base import Backbone, BackboneRecipe, Normalisation
from skmultigran.backbones._chain import ChainBackbone
from skmultigran.backbones._kept_networks import built_or_copied
from skmultigran.backbones._weights import load_weights, path_of
from skmultigran.images import settled_state


class PretrainedRecipe(BackboneRecipe):
    """Base of recipes that build a skeleton and then load weights into it."""

    def build(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a fresh network with its weights; see `BackboneRecipe.build`."""
        # Nothing has data on the meta device, so nothing is read or downloaded.
        if not self.pretrained or torch.get_default_device().type == "meta":
            return self.skeleton(in_channels, image_size)
        self.check_parameters()
        key = self._key()

        def build() -> Backbone:
            return self._with_weights(in_channels, image_size)

        if key is None:
            return build()
        return built_or_copied((key, in_channels, image_size), build)

    def normalisation(
        self, in_channels: int, image_size: tuple[int, int]
    ) -> Normalisation | None:
        """Return the weights' figures; see `BackboneRecipe.normalisation`."""
        self.check_parameters()
        return self._normalisation(in_channels)

    def _with_weights(
        self, in_channels: int, image_size: tuple[int, int]
    ) -> ChainBackbone:
        # Random weights are drawn and replaced: whether that happens must not change
        # what is drawn afterwards.
        with torch.random.fork_rng(devices=[]):
            backbone = self.skeleton(in_channels, image_size)
        shown, state = self._state(backbone)
        load_weights(backbone, state, shown, self._caller())
        return backbone

    def _key(self) -> Hashable | None:
        """Return what tells the network from any other; None if nothing does."""
        params = self.get_params(deep=False)
        # As text: 1 and 1.0 are equal, but the latter is refused.
        chosen = str(np.asarray(params.pop("out_indices")).tolist())
        path = path_of(params.get("weights"))
        state = settled_state(str(path)) if path and path.is_file() else None
        if path and state is None:
            return None
        return type(self), chosen, state, *sorted(params.items())

    def _normalisation(self, in_channels: int) -> Normalisation | None:
        """Return the figures of the weights for images of some channels."""
        raise NotImplementedError

    def skeleton(self, in_channels: int, image_size: tuple[int, int]) -> ChainBackbone:
        """Return the network with random weights; see `BackboneRecipe.skeleton`."""
        raise NotImplementedError

    def _caller(self) -> str:
        """Return how messages name the recipe."""
        return type(self).__name__

    def _state(self, backbone: ChainBackbone) -> tuple[str, Mapping[str, Tensor]]:
        """Return a name for the weights, and the state dict of the whole network."""
        raise NotImplementedError
