"""Images as training and prediction read them: batches by row number."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from skmultigran.images._chunks import chunks
from skmultigran.images._collection import ArrayImages, Images
from skmultigran.images._listed import ListedImages
from skmultigran.images._resizing import resize_images
from skmultigran.images._value_range import ValueRange

# Prepared images are kept in memory up to this size; beyond it each batch is prepared
# anew, so that memory maps and folders of files are never copied whole.
_KEPT_BYTES = 2**28


class ImageSource:
    """Batches `(B, C, H, W)` of float32 images with values in [0, 1], by row number.

    Parameters
    ----------
    images : Images
        The images.
    value_range : ValueRange
        Values that become 0 and 1.
    image_size : tuple of int
        `(height, width)` that the images are resized to.
    resize : {"letterbox", "stretch", "crop"}, default="letterbox"
        How they are resized.
    rows : ndarray of int or None, default=None
        Rows of `images` that belong to the source; None: all.

    Notes
    -----
    Images of 8 bits are resized as bytes and kept as bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import ImageSource, ValueRange, open_images
    >>> images = open_images(np.zeros((5, 8, 8)), owner="the example")
    >>> source = ImageSource(images, ValueRange.learn(images), (6, 6))
    >>> source.gather(np.array([0, 3])).shape
    torch.Size([2, 1, 6, 6])
    """

    def __init__(
        self,
        images: Images,
        value_range: ValueRange,
        image_size: tuple[int, int],
        resize: str = "letterbox",
        rows: np.ndarray | None = None,
    ) -> None:
        self.images = images
        self.value_range = value_range
        self.image_size = image_size
        self.resize = resize
        self.rows = np.arange(len(images)) if rows is None else rows
        self._kept: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_kept(self) -> bool:
        """Whether all images are prepared and in memory."""
        return self._kept is not None

    def gather(self, indices: np.ndarray) -> Tensor:
        """Return the images at `indices`.

        Parameters
        ----------
        indices : ndarray of int of shape (b,)
            Positions within the source.

        Returns
        -------
        Tensor of shape (b, C, H, W)
            The images, channels last in memory.
        """
        if self._kept is None:
            return _as_unit(self._prepared(indices))
        return _as_unit(self._kept[torch.from_numpy(indices)].permute(0, 3, 1, 2))

    def part(self, positions: np.ndarray) -> ImageSource:
        """Return a source of some of the images.

        Parameters
        ----------
        positions : ndarray of int
            Positions within this source.

        Returns
        -------
        ImageSource
            The smaller source; what is kept stays with this one.
        """
        rows = self.rows[positions]
        return ImageSource(
            self.images, self.value_range, self.image_size, self.resize, rows
        )

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield positions that walk over the source in pieces of bounded size.

        Yields
        ------
        ndarray of int
            Consecutive positions.
        """
        largest = math.prod(self.image_size)
        if isinstance(self.images, ArrayImages):
            largest = max(largest, math.prod(self.images.size))
        for part in chunks((len(self), largest * self.images.channels)):
            yield np.arange(part.start, part.stop)

    def keep(self) -> ImageSource:
        """Prepare all images once and keep them, if they fit in 256 MiB.

        Returns
        -------
        ImageSource
            The source itself.
        """
        if self._kept is not None or not len(self) or self._is_ready:
            return self
        width = 1 if self._all_bytes else 4
        n_values = len(self) * math.prod(self.image_size) * self.images.channels
        if n_values * width <= _KEPT_BYTES:
            first, *rest = (self._prepared(indices) for indices in self.chunks())
            kept = torch.cat([first, *rest]) if rest else first
            self._kept = kept.permute(0, 2, 3, 1).contiguous()
        return self

    @property
    def _all_bytes(self) -> bool:
        return self.value_range.by_dtype and self.images.dtypes == {np.dtype(np.uint8)}

    @property
    def _is_ready(self) -> bool:
        """Whether the images are bytes in memory, of the right size."""
        in_memory = isinstance(self.images, ArrayImages)
        return in_memory and self._all_bytes and self.images.size == self.image_size

    def _prepared(self, indices: np.ndarray) -> Tensor:
        """Return images `(b, C, H, W)` of the right size: bytes, or floats."""
        rows = self.rows[indices]
        if isinstance(self.images, ListedImages):
            parts = self.images.each(self._prepared_row, rows)
        else:
            parts = [self._resized(batch) for batch in self.images.batches(rows)]
        if len({part.dtype for part in parts}) > 1:
            parts = [_as_unit(part) for part in parts]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _prepared_row(self, row: int) -> Tensor:
        return self._resized(self.images.read(row)[None])

    def _resized(self, values: np.ndarray) -> Tensor:
        """Return images of shape `(b, h, w, c)` resized, as `(b, c, H, W)`."""
        if not (self.value_range.by_dtype and values.dtype == np.uint8):
            values = self.value_range.to_unit(values)
        if not values.flags.writeable or min(values.strides) < 0:
            # torch warns of read-only memory, such as memory maps and decoded files,
            # and refuses what runs backwards, such as flipped views.
            values = values.copy()
        # (b, h, w, c) seen as (b, c, h, w) is channels last without a copy.
        images = torch.from_numpy(values).permute(0, 3, 1, 2)
        return resize_images(images, self.image_size, self.resize)


def _as_unit(images: Tensor) -> Tensor:
    """Return bytes as floats in [0, 1], and floats as they are."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images
