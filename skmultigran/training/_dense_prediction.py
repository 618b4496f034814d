"""Outputs of a dense network for images of any sizes, in tiles where they are large."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from skmultigran._network import DenseNetwork
from skmultigran.images import CropSource
from skmultigran.training._prediction import padded_batch, prediction_batch_size
from skmultigran.training._threads import threads_for
from skmultigran.training._tiles import Tile, Tiling, tiles


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
    for size, positions in source.groups(most_pixels=tiling.size**2):
        for tile in tiles(size, tiling, network.step):
            for position, output in _outputs(network, source, positions, tile, device):
                yield position, tile, output


def _outputs(
    network: DenseNetwork,
    source: CropSource,
    positions: np.ndarray,
    tile: Tile,
    device: str,
) -> Iterator[tuple[int, Tensor]]:
    """Yield what the network says of one tile of each image."""
    count = prediction_batch_size(tile.size)
    for start in range(0, len(positions), count):
        part = positions[start : start + count]
        corners = np.broadcast_to(tile.corner, (len(part), 2))
        images = padded_batch(source.crops(part, corners, tile.size), count)
        with torch.inference_mode(), threads_for(count * math.prod(tile.size)):
            outputs = network(images.to(device)).float().cpu()
        for number, position in enumerate(part):
            yield int(position), outputs[number : number + 1]
