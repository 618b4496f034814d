"""Maps of whole images that a frozen backbone has seen, read as crops."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch

from skmultigran.estimators._frozen import frozen_rows
from skmultigran.images import CropSource
from skmultigran.training import MapTile, Tile, extract_tiles, predict_tiles

# Maps are kept in memory up to this size; beyond it they are looked up, or made, anew.
_KEPT_BYTES = 2**30


class MapSource:
    """Crops of maps, as rows of numbers, in place of crops of images.

    The backbone looks at each image once and whole; crops begin at multiples of the
    coarsest stride, where maps have a pixel.

    Parameters
    ----------
    source : CropSource
        The images.
    network : DenseNetwork
        Its backbone is frozen.
    device : str
        Where the network lives.
    cache : FeatureCache or None
        Where maps are kept beyond this fit.
    namespaces : callable
        Gives the key of each granularity's features, from their names.
    keep : bool, default=True
        Whether maps stay in memory, up to 1 GiB; not needed where each is read once.
    """

    def __init__(
        self,
        source: CropSource,
        network,
        device,
        *,
        cache,
        namespaces,
        keep: bool = True,
    ):
        self.source = source
        self.network = network
        self.device = device
        self.cache = cache
        names = network.pyramid.granularities
        self._namespaces = functools.cache(lambda: namespaces(names))
        self._kept: dict[int, list[torch.Tensor]] = {}
        self._bytes = 0 if keep else _KEPT_BYTES

    def __len__(self) -> int:
        return len(self.source)

    @property
    def image_size(self) -> tuple[int, int]:
        """`(height, width)` of the crops, in pixels of the images."""
        return self.source.image_size

    @property
    def sizes(self) -> np.ndarray:
        """Heights and widths of the images, `(n, 2)`."""
        return self.source.sizes

    def random_corners(self, positions, generator):
        """Draw where crops begin; see `CropSource.random_corners`."""
        return self.source.random_corners(positions, generator, self.network.step)

    def gather(self, indices):
        """Return crops from the images' centres, as rows.

        Parameters
        ----------
        indices : ndarray of int of shape (b,)
            Positions within the source.

        Returns
        -------
        Tensor of shape (b, n_columns)
            The maps of each crop, one after the other.
        """
        places = np.maximum(0, self.source.sizes[indices] - np.array(self.image_size))
        step = self.network.step
        return self.crops(indices, places // 2 // step * step)

    def crops(self, positions, corners):
        """Return a part of each image's maps, as rows.

        Parameters
        ----------
        positions : ndarray of int of shape (b,)
            Positions within the source.
        corners : ndarray of int of shape (b, 2)
            Top and left of each part, in pixels of the image.

        Returns
        -------
        Tensor of shape (b, n_columns)
            The maps of each part, one after the other.
        """
        shapes = self.network.map_shapes(self.image_size)
        rows = []
        for position, (top, left) in zip(positions, corners, strict=True):
            parts = []
            maps = self.maps(int(position))
            levels = self.network.pyramid.levels
            for map_, level, (_, height, width) in zip(
                maps, levels, shapes, strict=True
            ):
                y, x = round(top / level.stride), round(left / level.stride)
                parts.append(map_[0, :, y : y + height, x : x + width].flatten())
            rows.append(torch.cat(parts))
        return torch.stack(rows)

    def maps(self, position: int) -> list[torch.Tensor]:
        """Return the maps of one image, of at least the size of a crop.

        Parameters
        ----------
        position : int
            Position within the source.

        Returns
        -------
        list of Tensor of shape (1, C_l, H_l, W_l)
            Fine to coarse.
        """
        if position not in self._kept:
            maps = self._seen(position)
            size = sum(map_.nbytes for map_ in maps)
            if self._bytes + size > _KEPT_BYTES:
                return maps
            self._kept[position] = maps
            self._bytes += size
        return self._kept[position]

    @torch.inference_mode()
    def output(self, position: int, size: tuple[int, int]) -> torch.Tensor:
        """Return what the network says of one image, from its maps.

        Parameters
        ----------
        position : int
            Position within the source.
        size : tuple of int
            Height and width of the image.

        Returns
        -------
        Tensor of float32 of shape (1, ...)
            Raw numbers, on the CPU.
        """
        maps = [map_.to(self.device) for map_ in self.maps(position)]
        return self.network.answer(maps, size).float().cpu()

    def _seen(self, position):
        image = _PaddedImage(self.source, position)
        shapes = self.network.map_shapes(image.image_size)
        names = self.network.pyramid.granularities
        widths = dict(zip(names, map(math.prod, shapes), strict=True))
        row = frozen_rows(
            self._flat_maps,
            widths,
            image,
            self.device,
            cache=self.cache,
            namespaces=self._namespaces,
        )[0]
        parts = row.split(list(widths.values()))
        return [
            part.unflatten(0, shape)[None]
            for part, shape in zip(parts, shapes, strict=True)
        ]

    def _flat_maps(self, images):
        # Only the first: batches of small images are padded to a fixed number.
        maps = self.network.extract(self.network.padded(images[:1]))
        return torch.cat([map_.flatten(1) for map_ in maps], dim=1)


class _PaddedImage:
    """One image of at least the size of a crop, as a source of its own."""

    def __init__(self, source: CropSource, position: int) -> None:
        self._source = source
        self._position = position
        self.images = source.images
        self.rows = source.rows[[position]]
        sides = zip(source.sizes[position], source.image_size, strict=True)
        height, width = (max(int(side), least) for side, least in sides)
        self.image_size = height, width

    def __len__(self) -> int:
        return 1

    def part(self, positions):
        """Return the source itself, as there is one image."""
        return self

    def gather(self, indices):
        """Return the image `(1, C, H, W)`."""
        corner = np.zeros((1, 2), int)
        return self._source.crops(np.array([self._position]), corner, self.image_size)


def tile_outputs(network, source, device, tiling):
    """Yield the outputs of all images, of maps as far as these are whole.

    Parameters
    ----------
    network : DenseNetwork
        The network, in evaluation mode.
    source : CropSource or MapSource
        The images, or their maps. Large images have no maps, and are cut into tiles.
    device : str
        Where the network lives.
    tiling : Tiling
        What is large, and how it is cut.

    Yields
    ------
    position : int
        Of the image within the source.
    tile : Tile
        The part that was looked at.
    output : Tensor of float32 of shape (1, ...)
        What the network says of it, on the CPU.
    """
    if not isinstance(source, MapSource):
        yield from predict_tiles(network, source, device, tiling)
        return
    for position in range(len(source)):
        size = tuple(int(side) for side in source.sizes[position])
        if math.prod(size) <= tiling.size**2:
            yield position, Tile.whole(size), source.output(position, size)
            continue
        part = source.source.part(np.array([position]))
        for _, tile, output in predict_tiles(network, part, device, tiling):
            yield position, tile, output


def tile_maps(network, source, device, tiling):
    """Yield the maps of all images, as `tile_outputs` yields outputs.

    Parameters
    ----------
    network : DenseNetwork
        The network, in evaluation mode.
    source : CropSource or MapSource
        The images, or their maps.
    device : str
        Where the network lives.
    tiling : Tiling
        What is large, and how it is cut.

    Yields
    ------
    MapTile
        The maps of an image, or of a part of it.
    """
    if not isinstance(source, MapSource):
        yield from extract_tiles(network, source, device, tiling)
        return
    for position in range(len(source)):
        size = tuple(int(side) for side in source.sizes[position])
        if math.prod(size) <= tiling.size**2:
            yield MapTile(position, Tile.whole(size), source.maps(position))
            continue
        part = source.source.part(np.array([position]))
        for piece in extract_tiles(network, part, device, tiling):
            yield piece._replace(position=position)
