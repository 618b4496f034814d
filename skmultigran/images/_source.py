"""Images as training and prediction read them: batches by row number."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from skmultigran.images._chunks import chunks
from skmultigran.images._resizing import resize_images
from skmultigran.images._shape import ImageShape
from skmultigran.images._value_range import ValueRange

# Prepared images are kept in memory up to this size; beyond it each batch is prepared
# anew, so that a memory map is never copied whole.
_KEPT_BYTES = 2**30


class ImageSource:
    """Batches `(B, C, H, W)` of float32 images with values in [0, 1], by row number.

    Parameters
    ----------
    images : ndarray of shape (n, ...)
        Images or flattened rows.
    shape : ImageShape
        Shape of one image.
    value_range : ValueRange
        Values that become 0 and 1.
    image_size : tuple of int or None, default=None
        `(height, width)` that the images are resized to. None: as they are.
    resize : {"letterbox", "stretch", "crop"}, default="letterbox"
        How they are resized.
    rows : ndarray of int or None, default=None
        Rows of `images` that belong to the source; None: all.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import ImageShape, ImageSource, ValueRange
    >>> images = np.zeros((5, 64))
    >>> source = ImageSource(images, ImageShape(8, 8, 1), ValueRange.learn(images))
    >>> source.gather(np.array([0, 3])).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(
        self,
        images: np.ndarray,
        shape: ImageShape,
        value_range: ValueRange,
        image_size: tuple[int, int] | None = None,
        resize: str = "letterbox",
        rows: np.ndarray | None = None,
    ) -> None:
        self.images = images
        self.shape = shape
        self.value_range = value_range
        self.image_size = image_size or shape.size
        self.resize = resize
        self.rows = np.arange(len(images)) if rows is None else rows
        self._kept: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

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
        if self._kept is not None:
            return self._kept[torch.from_numpy(indices)].permute(0, 3, 1, 2)
        return self._resized(self.values(indices))

    def values(self, indices: np.ndarray) -> np.ndarray:
        """Return the images at `indices` with values in [0, 1], before resizing.

        Parameters
        ----------
        indices : ndarray of int of shape (b,)
            Positions within the source.

        Returns
        -------
        ndarray of shape (b, h, w, c)
            The images.
        """
        batch = self.value_range.to_unit(self.images[self.rows[indices]])
        return batch.reshape(len(indices), *self.shape)

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield positions that walk over the source in pieces of bounded size.

        Yields
        ------
        ndarray of int
            Consecutive positions.
        """
        for part in chunks((len(self), self.shape.n_features)):
            yield np.arange(part.start, part.stop)

    def keep(self) -> ImageSource:
        """Prepare all images once and keep them, if they fit in a gigabyte.

        Returns
        -------
        ImageSource
            The source itself.
        """
        n_bytes = 4 * len(self) * math.prod(self.image_size) * self.shape.channels
        if self._kept is None and len(self) and n_bytes <= _KEPT_BYTES:
            batches = [self.gather(indices) for indices in self.chunks()]
            self._kept = torch.cat(batches).permute(0, 2, 3, 1).contiguous()
        return self

    def _resized(self, values: np.ndarray) -> Tensor:
        # (b, h, w, c) seen as (b, c, h, w) is channels last without a copy.
        images = torch.from_numpy(values).permute(0, 3, 1, 2)
        return resize_images(images, self.image_size, self.resize)
