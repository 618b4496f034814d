"""Steps that move pixels: affine, shift, flip and crop.

For each step one function draws, and another moves pixels by what was drawn. So
whatever else belongs to an image can be moved by the same draw.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from skmultigran.images._augmentation._border import border_median
from skmultigran.images._augmentation._draws import uniform, whole

_LARGEST_SHIFT = 1 / 8
_LARGEST_TURN = math.radians(10)
_LARGEST_ZOOM = 0.1
_SMALLEST_CROP = 0.6
_LARGEST_ASPECT = 4 / 3


def affine(images: Tensor, generator: Generator) -> Tensor:
    """Turn, zoom and move each image a little, all in one bilinear sampling."""
    fill = border_median(images)
    matrices = _affine_matrices(images, generator)
    return _sampled(images - fill, matrices, padding="zeros") + fill


def _affine_matrices(images: Tensor, generator: Generator) -> Tensor:
    turn, zoom, down, right = uniform(-1, 1, (4, len(images)), generator, images)
    size = 1 + _LARGEST_ZOOM * zoom
    sine = torch.sin(_LARGEST_TURN * turn) * size
    cosine = torch.cos(_LARGEST_TURN * turn) * size
    # Coordinates run from -1 to 1 over the image, so that a shift counts double. A turn
    # is one in pixels only if the longer side's coordinates are stretched back.
    height, width = images.shape[-2:]
    return _matrices(
        [cosine, -sine * height / width, 2 * _LARGEST_SHIFT * right],
        [sine * width / height, cosine, 2 * _LARGEST_SHIFT * down],
    )


def crop(images: Tensor, generator: Generator) -> Tensor:
    """Enlarge a random part of each image to the size of the whole."""
    # An enlargement needs no filter against aliasing.
    return _sampled(images, _crop_matrices(images, generator), padding="border")


def _crop_matrices(images: Tensor, generator: Generator) -> Tensor:
    batch = (len(images),)
    area = uniform(_SMALLEST_CROP, 1, batch, generator, images)
    bend = math.log(_LARGEST_ASPECT)
    aspect = torch.exp(uniform(-bend, bend, batch, generator, images))
    # Cut at the image's own side, area and aspect stay within their bounds.
    height = (area / aspect).sqrt().clamp(max=1)
    width = (area * aspect).sqrt().clamp(max=1)
    down, right = uniform(-1, 1, (2, len(images)), generator, images)
    none = torch.zeros_like(area)
    return _matrices(
        [width, none, (1 - width) * right], [none, height, (1 - height) * down]
    )


def _matrices(x: list[Tensor], y: list[Tensor]) -> Tensor:
    """Return matrices `(B, 2, 3)`: where in [-1, 1] a pixel's x and y are read."""
    return torch.stack([torch.stack(x), torch.stack(y)]).permute(2, 0, 1)


def _sampled(images: Tensor, matrices: Tensor, *, padding: str) -> Tensor:
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(
        images, grid, padding_mode=padding, align_corners=False
    )


def shift(images: Tensor, generator: Generator) -> Tensor:
    """Move each image by up to an eighth of its size, filling with its border."""
    height, width = images.shape[-2:]
    rows = _moved(images, height, generator)
    columns = _moved(images, width, generator)
    index = torch.arange(len(images), device=images.device)[:, None, None]
    channels_last = images.permute(0, 2, 3, 1)
    moved = channels_last[index, rows[:, :, None], columns[:, None, :]]  # (B, H, W, C)
    return moved.permute(0, 3, 1, 2)


def _moved(images: Tensor, size: int, generator: Generator) -> Tensor:
    """Return the rows or columns `(B, size)` that each image is read from."""
    largest = int(size * _LARGEST_SHIFT)
    offsets = whole(-largest, largest, (len(images), 1), generator, images)
    positions = torch.arange(size, device=images.device)
    return (positions + offsets).clamp_(0, size - 1)


def flip(images: Tensor, generator: Generator) -> Tensor:
    """Mirror each image left to right with probability one half."""
    chosen = uniform(0, 1, (len(images), 1, 1, 1), generator, images) < 0.5
    return torch.where(chosen, images.flip(-1), images)
