"""Outputs of a dense network for images of any sizes, in tiles where they are large."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from skmultigran._network import DenseNetwork
from skmultigran.images import CropSource
from skmultigran.training._prediction import padded_batch, prediction_batch_size
from skmultigran.training._threads import threads_for
from skmultigran.training._tiles import Tile, Tiling, tiles


class MapTile(NamedTuple):
    """What a backbone saw of one tile of an image.

    Parameters
    ----------
    position : int
        Of the image within its source.
    tile : Tile
        The part that was looked at.
    maps : list of Tensor of shape (1, C_l, H_l, W_l)
        Fine to coarse, on the CPU.
    """

    position: int
    tile: Tile
    maps: list[Tensor]

    @property
    def kind(self) -> tuple[Any, ...]:
        """What map tiles have in common that can be answered together."""
        return self.tile.size, tuple(map_.shape for map_ in self.maps)


def predict_tiles(
    network: DenseNetwork, source: CropSource, device: str, tiling: Tiling
) -> Iterator[tuple[int, Tile, Tensor]]:
    """Yield the outputs of all images, piece by piece.

    Small images of one size are looked at together, in batches that are padded to one
    fixed size: so the same image gives the same output in any company.

    Parameters
    ----------
    network : DenseNetwork
        The network, in evaluation mode.
    source : CropSource
        The images.
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

    def look(images: Tensor) -> list[Tensor]:
        return [network(images)]

    for position, tile, (output,) in _looked_at(
        look, source, device, tiling, network.step
    ):
        yield position, tile, output


def extract_tiles(
    network: DenseNetwork, source: CropSource, device: str, tiling: Tiling
) -> Iterator[MapTile]:
    """Yield the maps of all images, piece by piece; see `predict_tiles`.

    Parameters
    ----------
    network : DenseNetwork
        The network, in evaluation mode.
    source : CropSource
        The images.
    device : str
        Where the network lives.
    tiling : Tiling
        What is large, and how it is cut.

    Yields
    ------
    MapTile
        The maps.
    """

    def look(images: Tensor) -> list[Tensor]:
        return network.extract(network.padded(images))

    for found in _looked_at(look, source, device, tiling, network.step):
        yield MapTile(*found)


def answer_tiles(
    network: DenseNetwork, map_tiles: Iterable[MapTile], device: str
) -> Iterator[tuple[int, Tile, Tensor]]:
    """Yield what a network says of maps, as `predict_tiles` does of images.

    Parameters
    ----------
    network : DenseNetwork
        The network, in evaluation mode.
    map_tiles : iterable of MapTile
        The maps; neighbours of one size are answered together.
    device : str
        Where the network lives.

    Yields
    ------
    position : int
        Of the image within the source.
    tile : Tile
        The part that was looked at.
    output : Tensor of float32 of shape (1, ...)
        What the network says of it, on the CPU.
    """
    for (size, _), group in groupby(map_tiles, key=lambda each: each.kind):
        alike = list(group)
        count = prediction_batch_size(size)
        for start in range(0, len(alike), count):
            part = alike[start : start + count]
            levels = zip(*(each.maps for each in part), strict=True)
            with torch.inference_mode(), threads_for(len(part) * math.prod(size)):
                maps = [torch.cat(level).to(device) for level in levels]
                outputs = network.answer(maps, size).float().cpu()
            for each, output in zip(part, outputs.split(1), strict=True):
                yield each.position, each.tile, output


def _looked_at(
    look: Callable[[Tensor], list[Tensor]],
    source: CropSource,
    device: str,
    tiling: Tiling,
    step: int,
) -> Iterator[tuple[int, Tile, list[Tensor]]]:
    """Yield what a function of images gives, for each tile of each image."""
    for size, positions in source.groups(most_pixels=tiling.size**2):
        for tile in tiles(size, tiling, step):
            yield from _tile_of_each(look, source, positions, tile, device)


def _tile_of_each(
    look: Callable[[Tensor], list[Tensor]],
    source: CropSource,
    positions: np.ndarray,
    tile: Tile,
    device: str,
) -> Iterator[tuple[int, Tile, list[Tensor]]]:
    """Yield what a function of images gives for one tile of each image."""
    count = prediction_batch_size(tile.size)
    for start in range(0, len(positions), count):
        part = positions[start : start + count]
        corners = np.broadcast_to(tile.corner, (len(part), 2))
        images = padded_batch(source.crops(part, corners, tile.size), count)
        with torch.inference_mode(), threads_for(count * math.prod(tile.size)):
            seen = [tensor.float().cpu() for tensor in look(images.to(device))]
        for number, position in enumerate(part):
            yield int(position), tile, [each[number : number + 1] for each in seen]
