"""Augmentation of whole batches, with a random draw per image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional

_LARGEST_SHIFT = 1 / 8
_LARGEST_TURN = math.radians(10)
_LARGEST_ZOOM = 0.1


def _shift(images: Tensor, generator: Generator) -> Tensor:
    """Move each image by up to an eighth of its size, filling with its border."""
    batch, _, height, width = images.shape
    rows = _moved(batch, height, generator)
    columns = _moved(batch, width, generator)
    index = torch.arange(batch)[:, None, None]
    channels_last = images.permute(0, 2, 3, 1)
    moved = channels_last[index, rows[:, :, None], columns[:, None, :]]  # (B, H, W, C)
    return moved.permute(0, 3, 1, 2)


def _moved(batch: int, size: int, generator: Generator) -> Tensor:
    largest = int(size * _LARGEST_SHIFT)
    offsets = torch.randint(-largest, largest + 1, (batch, 1), generator=generator)
    return (torch.arange(size) + offsets).clamp_(0, size - 1)  # (B, size)


def _affine(images: Tensor, generator: Generator) -> Tensor:
    """Turn, zoom and move each image a little, all in one bilinear sampling."""
    # (4, B) in [-1, 1)
    turn, zoom, down, right = 2 * torch.rand(4, len(images), generator=generator) - 1
    size = 1 + _LARGEST_ZOOM * zoom
    sine = torch.sin(_LARGEST_TURN * turn) * size
    cosine = torch.cos(_LARGEST_TURN * turn) * size
    # Coordinates run from -1 to 1 over the image, so that a shift counts double. A turn
    # is one in pixels only if the longer side's coordinates are stretched back.
    height, width = images.shape[-2:]
    matrices = torch.stack(
        [
            torch.stack([cosine, -sine * height / width, 2 * _LARGEST_SHIFT * right]),
            torch.stack([sine * width / height, cosine, 2 * _LARGEST_SHIFT * down]),
        ]
    ).permute(2, 0, 1)  # (B, 2, 3)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    fill = _border_median(images)
    moved = functional.grid_sample(images - fill, grid, align_corners=False)
    return moved + fill


def _border_median(images: Tensor) -> Tensor:
    """Return the median of each image's border, `(B, C, 1, 1)`: its likely ground."""
    sides = [
        images[:, :, [0, -1]].flatten(2),
        images[:, :, 1:-1, [0, -1]].flatten(2),
    ]
    return torch.cat(sides, dim=2).median(dim=2).values[..., None, None]


def _flip(images: Tensor, generator: Generator) -> Tensor:
    """Mirror each image left to right with probability one half."""
    chosen = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    return torch.where(chosen, images.flip(-1), images)


_STEPS: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "affine": _affine,
    "shift": _shift,
    "flip": _flip,
}
_PRESETS: dict[str, tuple[str, ...]] = {"standard": ("affine", "flip")}


class Augmentation:
    """Random changes of training images.

    Parameters
    ----------
    augment : {"auto", "affine", "shift", "flip", "standard"}, list of str, or None
        "affine": each image is turned by up to 10 degrees, zoomed by up to a tenth and
        moved by up to an eighth of its size, and filled with the median of its border.
        "shift": moved by whole pixels, up to an eighth of its size, its border
        repeated. "flip": mirrored left to right with
        probability one half. "standard": affine and flip. "auto": affine, and nothing
        for images of a single line. A list: several, in order.
    image_size : tuple of int
        `(height, width)` of the images.

    Raises
    ------
    ValueError
        If a name is unknown.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.images import Augmentation
    >>> augment = Augmentation("flip", (2, 2))
    >>> augment(torch.zeros(4, 1, 2, 2), torch.Generator().manual_seed(0)).shape
    torch.Size([4, 1, 2, 2])
    """

    def __init__(
        self, augment: str | Sequence[str] | None, image_size: tuple[int, int]
    ) -> None:
        self.names = _names(augment, image_size)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Return the changed images.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            A batch; it stays as it is.
        generator : torch.Generator
            Where the random numbers come from.

        Returns
        -------
        Tensor of shape (B, C, H, W)
            The changed batch.
        """
        for name in self.names:
            images = _STEPS[name](images, generator)
        return images


def _names(
    augment: str | Sequence[str] | None, image_size: tuple[int, int]
) -> tuple[str, ...]:
    if augment is None:
        return ()
    presets = _PRESETS | {"auto": () if min(image_size) == 1 else ("affine",)}
    given = (augment,) if isinstance(augment, str) else tuple(augment)
    for name in given:
        if name not in _STEPS and name not in presets:
            raise ValueError(
                f"augment={augment!r} has the unknown step {name!r}. Known: 'auto', "
                f"{', '.join(repr(known) for known in (*_STEPS, *_PRESETS))}, a list "
                "of these, or None."
            )
    return tuple(step for name in given for step in presets.get(name, (name,)))
