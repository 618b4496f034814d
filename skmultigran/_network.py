"""The network: normalise, see many granularities, fuse, answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from skmultigran._levels import common_multiple
from skmultigran._pyramid import ImagePyramid
from skmultigran.backbones import BackboneRecipe
from skmultigran.fusions import Fusion, FusionRecipe
from skmultigran.heads import (
    BoxHead,
    DenseHead,
    Exits,
    HypercolumnHead,
    PooledFeatures,
    PooledHead,
)


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
    head: PooledHead | DenseHead | BoxHead | HypercolumnHead
    scales: tuple[float, ...]
    in_channels: int
    image_size: tuple[int, int]
    n_outputs: int | None
    normalisation: Normalisation
    deep_supervision: bool = False

    def build(self, *, load_weights: bool = True) -> Network:
        """Return a fresh network.

        Parameters
        ----------
        load_weights : bool, default=True
            Whether a pretrained backbone reads its weights. False where a state dict
            will give them.

        Returns
        -------
        Network
            The network: a `MultiGranularityNetwork` for answers about whole images, a
            `DenseNetwork` for those about their pixels or objects.
        """
        build = self.backbone.build if load_weights else self.backbone.skeleton
        backbone = build(self.in_channels, self.image_size)
        pyramid = ImagePyramid(backbone, self.scales)
        if not isinstance(self.head, PooledHead):
            return self._build_dense(pyramid)
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
            exits=self._build_exits(pyramid) if self.deep_supervision else None,
        )

    def _build_exits(self, pyramid: ImagePyramid) -> Exits:
        levels = self.head.build_pooling().levels(pyramid.levels)
        n_outputs = cast(int, self.n_outputs)  # early answers are answers
        return Exits(self.head, levels, n_outputs, pyramid.computing_order)

    def _build_dense(self, pyramid: ImagePyramid) -> DenseNetwork:
        fusion = self.fusion.build(pyramid.levels)
        head = self.head.build(fusion.levels, self.n_outputs)
        return DenseNetwork(
            self.normalisation, pyramid, fusion, head, crop_size=self.image_size
        )


class Network(nn.Module):
    """What all networks begin with: normalise, and see many granularities.

    Parameters
    ----------
    normalisation : Normalisation
        Subtracted from and divided into the images.
    pyramid : ImagePyramid
        Images to maps.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, normalisation: Normalisation, pyramid: ImagePyramid) -> None:
        super().__init__()
        for name, values in normalisation._asdict().items():
            values = torch.tensor([float(value) for value in values])
            self.register_buffer(name, values.reshape(1, -1, 1, 1))
        self.pyramid = pyramid

    def train(self, mode: bool = True) -> Self:
        """Set the mode; what is held (`skmultigran.training.freeze`) stays as it is."""
        super().train(mode)
        for module in self.modules():
            if getattr(module, "is_held", False):
                module.eval()
        return self

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
        return self.pyramid(self.normalised(images))

    def normalised(self, images: Tensor) -> Tensor:
        """Return images as the backbone sees them.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            Images with values in [0, 1].

        Returns
        -------
        Tensor of shape (B, C, H, W)
            The images, normalised.
        """
        return (images - self.mean) / self.std


class MultiGranularityNetwork(Network):
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
    exits : Exits or None, default=None
        Heads of early answers.
    """

    def __init__(
        self,
        normalisation: Normalisation,
        pyramid: ImagePyramid,
        fusion: Fusion,
        head: PooledFeatures,
        *,
        fuse_maps: bool,
        exits: Exits | None = None,
    ) -> None:
        super().__init__(normalisation, pyramid)
        self.fusion = fusion
        self.head = head
        self.fuse_maps = fuse_maps
        self.exits = exits

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the raw numbers of the answer.

        Parameters
        ----------
        inputs : Tensor of shape (B, C, H, W) or (B, n_columns)
            Images with values in [0, 1], or what `pooled` made of them.

        Returns
        -------
        Tensor of shape (B, n_outputs) or (B, n_stages * n_outputs)
            Raw numbers, such as logits; while early answers are learned, those of all
            stages, as `staged` returns them.
        """
        if self.exits is not None and self.exits.learn:
            return self.staged(inputs)
        if inputs.ndim == 2:
            return self.head(self.fuse_rows(inputs))
        return self.head(self.fuse(self.extract(inputs)))

    def staged(self, inputs: Tensor) -> Tensor:
        """Return the answers of all stages: after each granularity, and the fused one.

        Parameters
        ----------
        inputs : Tensor of shape (B, C, H, W) or (B, n_columns)
            Images with values in [0, 1], or what `pooled` made of them.

        Returns
        -------
        Tensor of shape (B, n_stages * n_outputs)
            Raw numbers, stage by stage in the order of `ImagePyramid.computing_order`,
            the fused answer last.
        """
        if inputs.ndim == 2:
            grids = self._grids_of_rows(inputs)
            fused = self.fuse_pooled(grids)
        else:
            maps = self.extract(inputs)
            grids = self.head.pool(maps)
            fused = self.fuse(maps) if self.fuse_maps else self.fuse_pooled(grids)
        early = cast(Exits, self.exits)(grids)
        return torch.cat([*early, self.head(fused)], dim=1)

    def answer_of(self, stage: int, images: Tensor) -> Tensor:
        """Return the answer of one stage; no more is computed than it needs.

        Parameters
        ----------
        stage : int
            Number of the stage in the order of `staged`.
        images : Tensor of shape (B, C, H, W)
            Images with values in [0, 1].

        Returns
        -------
        Tensor of shape (B, n_outputs)
            Raw numbers.
        """
        order = self.pyramid.computing_order
        if stage == len(order):
            return self.head(self.fuse(self.extract(images)))
        images, maps = self.normalised(images), []
        carried: tuple[Tensor, ...] = ()
        for position in order[: stage + 1]:
            map_, carried = self.pyramid.next_map(position, images, carried)
            maps.append(map_)
        return cast(Exits, self.exits).heads[stage](self.head.pool(maps))

    def pooled(self, images: Tensor) -> Tensor:
        """Return the pooled maps of all granularities as one row per image.

        Where the fusion comes after the pooling, this is all that the rest of the
        network needs of an image.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            Images with values in [0, 1].

        Returns
        -------
        Tensor of shape (B, n_columns)
            Granularity by granularity, each grid by grid; `pooled_widths` has the
            numbers of columns.
        """
        grids = zip(*self.head.pool(self.extract(images)), strict=True)
        parts = [pooled.flatten(1) for of_level in grids for pooled in of_level]
        return torch.cat(parts, dim=1)

    def pooled_widths(self) -> dict[str, int]:
        """Return the number of columns of `pooled` per granularity, fine to coarse.

        Returns
        -------
        dict of str to int
            Names of granularities to numbers of columns.
        """
        pool = self.head.pool
        cells = sum(side * side for side in pool.grid)
        names_and_levels = zip(
            self.pyramid.granularities, pool.levels(self.pyramid.levels), strict=True
        )
        return {name: level.channels * cells for name, level in names_and_levels}

    def fuse_rows(self, rows: Tensor) -> list[list[Tensor]]:
        """Return the fused maps, grid by grid, from rows of `pooled`."""
        return self.fuse_pooled(self._grids_of_rows(rows))

    def _grids_of_rows(self, rows: Tensor) -> list[list[Tensor]]:
        """Return the pooled maps, grid by grid, from rows of `pooled`."""
        pool = self.head.pool
        levels = pool.levels(self.pyramid.levels)
        shapes = [
            (level.channels, side, side) for level in levels for side in pool.grid
        ]
        parts = rows.split([math.prod(shape) for shape in shapes], dim=1)
        maps = [
            part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True)
        ]
        step = len(pool.grid)
        return [maps[start::step] for start in range(step)]

    def features(self, inputs: Tensor) -> Tensor:
        """Return what the head makes its answer of.

        Parameters
        ----------
        inputs : Tensor of shape (B, C, H, W) or (B, n_columns)
            Images with values in [0, 1], or what `pooled` made of them.

        Returns
        -------
        Tensor of shape (B, n_features)
            The pooled and fused maps, grid by grid.
        """
        if inputs.ndim == 2:
            return self.head.features(self.fuse_rows(inputs))
        return self.head.features(self.fuse(self.extract(inputs)))

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
        return self.fuse_pooled(self.head.pool(maps))

    def fuse_pooled(self, grids: list[list[Tensor]]) -> list[list[Tensor]]:
        """Return the fused maps, where the fusion comes after the pooling.

        Parameters
        ----------
        grids : list of list of Tensor of shape (B, C_l, g, g)
            For each grid the pooled maps of all granularities, from fine to coarse.

        Returns
        -------
        list of list of Tensor of shape (B, C, g, g)
            For each grid the fused maps.
        """
        return [self.fusion(pooled) for pooled in grids]


class DenseNetwork(Network):
    """A network that answers for every pixel or place, in images of any size.

    Images are padded below and on the right, by repeating their border, to a multiple
    of all strides: then the maps of all levels cover the same pixels, and a pixel sees
    the same whether the image is looked at whole or in tiles.

    Parameters
    ----------
    normalisation : Normalisation
        Subtracted from and divided into the images.
    pyramid : ImagePyramid
        Images to maps.
    fusion : Fusion
        Maps to fused maps.
    head : torch.nn.Module
        `head(maps, size)` gives the raw numbers of images of a size.
    crop_size : tuple of int
        `(height, width)` of the crops that rows of maps stand for.

    Attributes
    ----------
    step : int
        Pixels that images are padded to a multiple of.

    Raises
    ------
    ValueError
        If the strides have no common multiple of a useful size.
    """

    def __init__(
        self,
        normalisation: Normalisation,
        pyramid: ImagePyramid,
        fusion: Fusion,
        head: nn.Module,
        *,
        crop_size: tuple[int, int],
    ) -> None:
        super().__init__(normalisation, pyramid)
        self.fusion = fusion
        self.head = head
        self.crop_size = crop_size
        self.step = common_multiple(pyramid.levels, "DenseNetwork")

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the raw numbers of the answer.

        Parameters
        ----------
        inputs : Tensor of shape (B, C, H, W) or (B, n_columns)
            Images with values in [0, 1], or rows of the maps of crops of `crop_size`.

        Returns
        -------
        Tensor of shape (B, ...)
            Raw numbers, as the head gives them.
        """
        if inputs.ndim == 2:
            return self.answer(self._maps_of_rows(inputs), self.crop_size)
        size = inputs.shape[-2], inputs.shape[-1]
        return self.answer(self.extract(self.padded(inputs)), size)

    def answer(self, maps: list[Tensor], size: tuple[int, int]) -> Tensor:
        """Return the raw numbers from the maps of all granularities.

        Parameters
        ----------
        maps : list of Tensor of shape (B, C_l, H_l, W_l)
            What `extract` gave for padded images.
        size : tuple of int
            `(height, width)` of the images without padding.

        Returns
        -------
        Tensor of shape (B, ...)
            Raw numbers.
        """
        return self.head(self.fusion(maps), size)

    def padded(self, images: Tensor) -> Tensor:
        """Return images of a whole number of steps.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            The images.

        Returns
        -------
        Tensor of shape (B, C, H', W')
            The images, their border repeated below and on the right.
        """
        below, beside = (-side % self.step for side in images.shape[-2:])
        if not (below or beside):
            return images
        return functional.pad(images, (0, beside, 0, below), mode="replicate")

    def _maps_of_rows(self, rows: Tensor) -> list[Tensor]:
        shapes = self.map_shapes(self.crop_size)
        parts = rows.split([math.prod(shape) for shape in shapes], dim=1)
        return [
            part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True)
        ]

    def map_shapes(self, size: tuple[int, int]) -> list[tuple[int, int, int]]:
        """Return the shapes of the maps of padded images.

        Parameters
        ----------
        size : tuple of int
            `(height, width)` of the images before padding.

        Returns
        -------
        list of (int, int, int)
            Channels, height and width of each granularity.
        """
        height, width = (side + -side % self.step for side in size)
        return [
            (level.channels, *level.map_size((height, width)))
            for level in self.pyramid.levels
        ]
