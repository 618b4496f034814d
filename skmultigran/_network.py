"""The network: normalise, see many granularities, fuse, answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from skmultigran._pyramid import ImagePyramid
from skmultigran.backbones import BackboneRecipe
from skmultigran.fusions import Fusion, FusionRecipe
from skmultigran.heads import PooledFeatures, PooledHead


class Normalisation(NamedTuple):
    """Mean and standard deviation per channel, for values in [0, 1]."""

    mean: Sequence[float]
    std: Sequence[float]


class NetworkRecipe(NamedTuple):
    """All that is needed to build a network without its weights.

    Plain types and recipes only, so that a fitted estimator can be pickled as this and
    a dictionary of arrays. With `n_outputs=None` the network gives features, not an
    answer.
    """

    backbone: BackboneRecipe
    fusion: FusionRecipe
    head: PooledHead
    scales: tuple[float, ...]
    in_channels: int
    image_size: tuple[int, int]
    n_outputs: int | None
    normalisation: Normalisation

    def build(self) -> MultiGranularityNetwork:
        """Return a fresh network."""
        backbone = self.backbone.build(self.in_channels, self.image_size)
        pyramid = ImagePyramid(backbone, self.scales)
        pooling = self.head.build_pooling()
        if self.fusion.spatial:
            fusion = self.fusion.build(pyramid.levels)
            fused_levels = pooling.levels(fusion.levels)
        else:
            fusion = self.fusion.build(pooling.levels(pyramid.levels))
            fused_levels = fusion.levels
        return MultiGranularityNetwork(
            self.normalisation,
            pyramid,
            fusion,
            self.head.build(fused_levels, self.n_outputs),
            fuse_maps=self.fusion.spatial,
        )


class MultiGranularityNetwork(nn.Module):
    """One network that sees an image at many granularities.

    Parameters
    ----------
    normalisation : Normalisation
        Subtracted from and divided into the images.
    pyramid : ImagePyramid
        Images to maps.
    fusion : Fusion
        Maps to fused maps.
    head : PooledFeatures
        Fused maps to raw numbers, or to features.
    fuse_maps : bool
        Whether the fusion comes before the pooling, on whole maps.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        normalisation: Normalisation,
        pyramid: ImagePyramid,
        fusion: Fusion,
        head: PooledFeatures,
        *,
        fuse_maps: bool,
    ) -> None:
        super().__init__()
        for name, values in normalisation._asdict().items():
            values = torch.tensor([float(value) for value in values])
            self.register_buffer(name, values.reshape(1, -1, 1, 1))
        self.pyramid = pyramid
        self.fusion = fusion
        self.head = head
        self.fuse_maps = fuse_maps

    def forward(self, images: Tensor) -> Tensor:
        """Return the raw numbers of the answer.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            Images with values in [0, 1].

        Returns
        -------
        Tensor of shape (B, n_outputs)
            Raw numbers, such as logits.
        """
        return self.head(self.fuse(self.extract(images)))

    def features(self, images: Tensor) -> Tensor:
        """Return what the head makes its answer of.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            Images with values in [0, 1].

        Returns
        -------
        Tensor of shape (B, n_features)
            The pooled and fused maps, grid by grid.
        """
        return self.head.features(self.fuse(self.extract(images)))

    def extract(self, images: Tensor) -> list[Tensor]:
        """Return the maps `(B, C_l, H_l, W_l)` of all granularities.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            Images with values in [0, 1].

        Returns
        -------
        list of Tensor
            The maps, fine to coarse.
        """
        return self.pyramid((images - self.mean) / self.std)

    def fuse(self, maps: list[Tensor]) -> list[list[Tensor]]:
        """Return the pooled and fused maps.

        Parameters
        ----------
        maps : list of Tensor of shape (B, C_l, H_l, W_l)
            The maps of all granularities.

        Returns
        -------
        list of list of Tensor of shape (B, C, g, g)
            For each grid of the head the fused maps.
        """
        if self.fuse_maps:
            return self.head.pool(self.fusion(maps))
        return [self.fusion(pooled) for pooled in self.head.pool(maps)]
