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

# Two pixels of 28. Twice as much cost two points of accuracy in a short training.
_LARGEST_SHIFT = 1 / 14
_LARGEST_TURN = math.radians(10)
_LARGEST_ZOOM = 0.1
_SMALLEST_CROP = 0.6
_LARGEST_ASPECT = 4 / 3


def affine(images: Tensor, generator: Generator) -> Tensor:
    """Turn, zoom and move each image a little, all in one bilinear sampling."""
    fill = border_median(images)
    matrices = affine_matrices(images, generator)
    return sampled(images - fill, matrices, padding="zeros") + fill


def affine_matrices(images: Tensor, generator: Generator) -> Tensor:
    """Draw turn, zoom and move, as matrices `(B, 2, 3)`."""
    turn, zoom, down, right = uniform(-1, 1, (4, len(images)), generator, images)
    size = 1 + _LARGEST_ZOOM * zoom
    sine = torch.sin(_LARGEST_TURN * turn) * size
    cosine = torch.cos(_LARGEST_TURN * turn) * size
    # Coordinates run from -1 to 1 over the image, so that a shift counts double. A turn
    # is one in pixels only if the longer side's coordinates are stretched back.
    height, width = images.shape[-2:]
    return matrices_of(
        [cosine, -sine * height / width, 2 * _LARGEST_SHIFT * right],
        [sine * width / height, cosine, 2 * _LARGEST_SHIFT * down],
    )


def crop(images: Tensor, generator: Generator) -> Tensor:
    """Enlarge a random part of each image to the size of the whole."""
    # An enlargement needs no filter against aliasing.
    return sampled(images, crop_matrices(images, generator), padding="border")


def crop_matrices(images: Tensor, generator: Generator) -> Tensor:
    """Draw the part that is enlarged, as matrices `(B, 2, 3)`."""
    batch = (len(images),)
    area = uniform(_SMALLEST_CROP, 1, batch, generator, images)
    bend = math.log(_LARGEST_ASPECT)
    aspect = torch.exp(uniform(-bend, bend, batch, generator, images))
    # Cut at the image's own side, area and aspect stay within their bounds.
    height = (area / aspect).sqrt().clamp(max=1)
    width = (area * aspect).sqrt().clamp(max=1)
    down, right = uniform(-1, 1, (2, len(images)), generator, images)
    none = torch.zeros_like(area)
    return matrices_of(
        [width, none, (1 - width) * right], [none, height, (1 - height) * down]
    )


def matrices_of(x: list[Tensor], y: list[Tensor]) -> Tensor:
    """Return matrices `(B, 2, 3)`: where in [-1, 1] a pixel's x and y are read."""
    return torch.stack([torch.stack(x), torch.stack(y)]).permute(2, 0, 1)


def sampled(images: Tensor, matrices: Tensor, *, padding: str) -> Tensor:
    """Return images read, bilinearly, where the matrices say."""
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(
        images, grid, padding_mode=padding, align_corners=False
    )


def shift(images: Tensor, generator: Generator) -> Tensor:
    """Move each image by up to a fourteenth of its size, filling with its border."""
    height, width = images.shape[-2:]
    rows = _moved(images, height, generator)
    columns = _moved(images, width, generator)
    index = torch.arange(len(images), device=images.device)[:, None, None]
    channels_last = images.permute(0, 2, 3, 1)
    moved = channels_last[index, rows[:, :, None], columns[:, None, :]]  # (B, H, W, C)
    return moved.permute(0, 3, 1, 2)


def shift_matrices(images: Tensor, generator: Generator) -> Tensor:
    """Draw the moves of `shift`, for whatever belongs to images as well."""
    moves = []
    for size in images.shape[-2:]:
        largest = _largest_shift(size)
        moved = whole(-largest, largest, (len(images),), generator, images)
        moves.append(2 * moved / size)
    none, one = torch.zeros_like(moves[0]), torch.ones_like(moves[0])
    return matrices_of([one, none, moves[1]], [none, one, moves[0]])


def _largest_shift(size: int) -> int:
    """Return whole pixels: at least one, if there is another pixel."""
    return min(size - 1, max(1, int(size * _LARGEST_SHIFT)))


def _moved(images: Tensor, size: int, generator: Generator) -> Tensor:
    """Return the rows or columns `(B, size)` that each image is read from."""
    largest = _largest_shift(size)
    offsets = whole(-largest, largest, (len(images), 1), generator, images)
    positions = torch.arange(size, device=images.device)
    return (positions + offsets).clamp_(0, size - 1)


def flip_matrices(images: Tensor, generator: Generator) -> Tensor:
    """Draw which images are mirrored, for whatever belongs to them as well."""
    chosen = uniform(0, 1, (len(images),), generator, images) < 0.5
    none, one = torch.zeros(len(images)), torch.ones(len(images))
    none, one = none.to(images.device), one.to(images.device)
    return matrices_of([torch.where(chosen, -one, one), none, none], [none, one, none])


def flip(images: Tensor, generator: Generator) -> Tensor:
    """Mirror each image left to right with probability one half."""
    chosen = uniform(0, 1, (len(images), 1, 1, 1), generator, images) < 0.5
    return torch.where(chosen, images.flip(-1), images)
