"""Images of any sizes, read as they are or as crops of one size."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

from skmultigran.images._collection import Images
from skmultigran.images._listed import ListedImages
from skmultigran.images._value_range import ValueRange

# Decoded files are kept in memory up to this size; beyond it they are decoded anew.
_KEPT_BYTES = 2**28


class CropSource:
    """Crops `(B, C, h, w)` of float32 images with values in [0, 1], by position.

    Only the part of an image that is asked for is converted, so that large arrays and
    memory maps are never copied whole.

    Parameters
    ----------
    images : Images
        The images, of any sizes.
    value_range : ValueRange
        Values that become 0 and 1.
    image_size : tuple of int
        `(height, width)` of the crops that training sees.
    rows : ndarray of int or None, default=None
        Rows of `images` that belong to the source; None: all.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import CropSource, ValueRange, open_images
    >>> images = open_images([np.zeros((9, 7)), np.zeros((6, 8))], owner="the example")
    >>> source = CropSource(images, ValueRange.learn(images), (4, 4))
    >>> source.gather(np.array([0, 1])).shape
    torch.Size([2, 1, 4, 4])
    """

    def __init__(
        self,
        images: Images,
        value_range: ValueRange,
        image_size: tuple[int, int],
        rows: np.ndarray | None = None,
    ) -> None:
        self.images = images
        self.value_range = value_range
        self.image_size = image_size
        self.rows = np.arange(len(images)) if rows is None else rows
        self._kept: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def sizes(self) -> np.ndarray:
        """Heights and widths of the images, `(n, 2)`."""
        return self.images.sizes[self.rows]

    def keep(self) -> CropSource:
        """Decode all files once and keep them, if they fit in 256 MiB.

        Returns
        -------
        CropSource
            The source itself.
        """
        if not isinstance(self.images, ListedImages) or self._kept:
            return self
        width = max(dtype.itemsize for dtype in self.images.dtypes)
        pixels = int(self.sizes.prod(axis=1).sum())
        if pixels * self.images.channels * width <= _KEPT_BYTES:
            arrays = self.images.each(self.images.read, self.rows)
            self._kept = dict(zip(self.rows.tolist(), arrays, strict=True))
        return self

    def whole(self, position: int) -> Tensor:
        """Return one image in its own size.

        Parameters
        ----------
        position : int
            Position within the source.

        Returns
        -------
        Tensor of shape (1, C, H, W)
            The image.
        """
        height, width = (int(side) for side in self.sizes[position])
        return self.crops(np.array([position]), np.zeros((1, 2), int), (height, width))

    def crops(
        self,
        positions: np.ndarray,
        corners: np.ndarray,
        size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Return a part of each image; where an image ends, its border is repeated.

        Parameters
        ----------
        positions : ndarray of int of shape (b,)
            Positions within the source.
        corners : ndarray of int of shape (b, 2)
            Top and left of each part.
        size : tuple of int or None, default=None
            `(height, width)` of the parts; None: `image_size`.

        Returns
        -------
        Tensor of shape (b, C, *size)
            The parts, channels last in memory.
        """
        size = size or self.image_size
        rows = self.rows[positions]
        where = dict(zip(range(len(rows)), corners.tolist(), strict=True))

        def read(number: int) -> Tensor:
            return self._crop(int(rows[number]), where[number], size)

        if isinstance(self.images, ListedImages) and not self._kept:
            parts = self.images.each(read, np.arange(len(rows)))
        else:
            parts = [read(number) for number in range(len(rows))]
        return torch.cat(parts).contiguous(memory_format=torch.channels_last)

    def _crop(self, row: int, corner: list[int], size: tuple[int, int]) -> Tensor:
        image = self._kept[row] if row in self._kept else self.images.read(row)
        top, left = corner
        part = image[top : top + size[0], left : left + size[1]]
        values = self.value_range.to_unit(part)
        tensor = torch.from_numpy(values).permute(2, 0, 1)[None]
        below, beside = size[0] - part.shape[0], size[1] - part.shape[1]
        if below or beside:
            tensor = functional.pad(tensor, (0, beside, 0, below), mode="replicate")
        return tensor

    def random_corners(
        self, positions: np.ndarray, generator: Generator, step: int = 1
    ) -> np.ndarray:
        """Draw where crops of `image_size` begin, each place as likely as any other.

        Parameters
        ----------
        positions : ndarray of int of shape (b,)
            Positions within the source.
        generator : torch.Generator
            Where the random numbers come from.
        step : int, default=1
            Corners are multiples of it.

        Returns
        -------
        ndarray of int of shape (b, 2)
            Top and left; zero where an image is smaller than the crop.
        """
        drawn = torch.rand((len(positions), 2), generator=generator).double().numpy()
        places = self._places(positions) // step + 1
        return (drawn * places).astype(np.int64) * step

    def _places(self, positions: np.ndarray) -> np.ndarray:
        return np.maximum(0, self.sizes[positions] - np.array(self.image_size))

    def gather(self, indices: np.ndarray) -> Tensor:
        """Return crops of `image_size` from the images' centres.

        Parameters
        ----------
        indices : ndarray of int of shape (b,)
            Positions within the source.

        Returns
        -------
        Tensor of shape (b, C, *image_size)
            The crops.
        """
        return self.crops(indices, self._places(indices) // 2)

    def part(self, positions: np.ndarray) -> CropSource:
        """Return a source of some of the images.

        Parameters
        ----------
        positions : ndarray of int
            Positions within this source.

        Returns
        -------
        CropSource
            The smaller source; what is kept stays with this one.
        """
        rows = self.rows[positions]
        return CropSource(self.images, self.value_range, self.image_size, rows)

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield the positions one by one, as images differ in size.

        Yields
        ------
        ndarray of int
            One position.
        """
        for position in range(len(self)):
            yield np.array([position])

    def groups(self, most_pixels: int) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
        """Yield positions of images that have one size.

        Parameters
        ----------
        most_pixels : int
            Larger images are alone in their group.

        Yields
        ------
        size : tuple of int
            Height and width.
        positions : ndarray of int
            Positions within the source.
        """
        found: dict[tuple[int, int], list[int]] = {}
        for position, size in enumerate(map(tuple, self.sizes.tolist())):
            if math.prod(size) > most_pixels:
                yield size, np.array([position])
            else:
                found.setdefault(size, []).append(position)
        for size, positions in found.items():
            yield size, np.array(positions)
