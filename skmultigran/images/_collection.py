"""Images by row number, whatever they came as."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator
from typing import Self

import numpy as np

from skmultigran.images._channels import can_convert, with_channels
from skmultigran.images._chunks import chunks
from skmultigran.images._finite import check_finite
from skmultigran.images._shape import ImageShape


class Images:
    """`n` images that are read by row number; `open_images` makes them.

    Attributes
    ----------
    sizes : ndarray of int of shape (n, 2)
        Height and width of each image.
    channels : int
        Channels that every image is read with.
    dtypes : set of numpy.dtype
        Types that the images have.
    same_shape : bool
        Whether the images are one array, so that a shape is part of what a model is
        fitted on. Files and lists of different sizes are not.
    problems : dict of int to str
        Rows that cannot be read, and why. Not empty only where that was asked for.
    ignored : collection of int
        Rows that will not be read, and have not been looked at.
    """

    sizes: np.ndarray
    channels: int
    dtypes: set[np.dtype]
    same_shape: bool
    problems: dict[int, str]
    ignored: Collection[int] = ()
    _found_channels: set[int]

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width that all images have, or None."""
        sizes = self.readable_sizes
        if (sizes != sizes[0]).any():
            return None
        return int(sizes[0, 0]), int(sizes[0, 1])

    @property
    def readable_sizes(self) -> np.ndarray:
        """Heights and widths without the rows of `problems` and `ignored`."""
        return np.delete(self.sizes, [*self.problems, *self.ignored], axis=0)

    def read(self, row: int) -> np.ndarray:
        """Return one image.

        Parameters
        ----------
        row : int
            Its number.

        Returns
        -------
        ndarray of shape (h, w, channels)
            The image, in its own type.
        """
        raise NotImplementedError

    def batches(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the images of some rows in order, each batch of one size and type.

        Parameters
        ----------
        rows : ndarray of int
            Row numbers.

        Yields
        ------
        ndarray of shape (b, h, w, channels)
            Batches of bounded size.
        """
        raise NotImplementedError

    def with_channels(self, channels: int, owner: str) -> Self:
        """Return the images converted to the channels that a model was fitted on.

        They are converted when they are read.

        Parameters
        ----------
        channels : int
            The channels wanted.
        owner : str
            Name of the estimator, for the message.

        Returns
        -------
        Images
            The images.

        Raises
        ------
        ValueError
            If the images cannot be converted.
        """
        if not all(can_convert(found, channels) for found in self._found_channels):
            raise ValueError(
                f"X has images with {self.channels} channels, but {owner} was fitted "
                f"on images with {channels}. Convert the images to {channels} "
                "channels, or fit anew."
            )
        converted = copy.copy(self)
        converted.channels = channels
        return converted


class ArrayImages(Images):
    """Images of one shape in one array, a view where possible.

    Parameters
    ----------
    array : ndarray of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
        The images, or flattened rows.
    image_shape : ImageShape
        Shape of one image.
    """

    same_shape = True

    def __init__(self, array: np.ndarray, image_shape: ImageShape) -> None:
        self.array = array
        self.image_shape = image_shape
        self.channels = image_shape.channels
        self._found_channels = {self.channels}
        self.dtypes = {array.dtype}
        self.problems = {}

    @property
    def sizes(self) -> np.ndarray:  # type: ignore[override]
        """Height and width of each image."""
        return np.broadcast_to(np.array(self.image_shape.size), (len(self.array), 2))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that all images have."""
        return self.image_shape.size

    def __len__(self) -> int:
        return len(self.array)

    def read(self, row: int) -> np.ndarray:
        """Return one image; see `Images.read`."""
        return with_channels(self.array[row].reshape(self.image_shape), self.channels)

    def batches(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the images of some rows; see `Images.batches`."""
        for part in chunks((len(rows), self.image_shape.n_features)):
            batch = self.array[rows[part]].reshape(-1, *self.image_shape)
            if self.channels != self.image_shape.channels:
                batch = np.stack(
                    [with_channels(image, self.channels) for image in batch]
                )
            yield batch

    def check_finite(self, owner: str, rows: np.ndarray | None = None) -> None:
        """Raise if a pixel is NaN or infinite; see `check_finite`.

        Parameters
        ----------
        owner : str
            Name of the estimator, for the message.
        rows : ndarray of int or None, default=None
            Rows that are looked at; None: all.
        """
        check_finite(self.array, owner, rows)


def grouped(images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Stack neighbouring images of one shape and type.

    Parameters
    ----------
    images : iterable of ndarray of shape (h, w, c)
        Images in order.

    Yields
    ------
    ndarray of shape (b, h, w, c)
        Batches in the same order.
    """
    batch: list[np.ndarray] = []
    for image in images:
        if batch and (image.shape, image.dtype) != (batch[0].shape, batch[0].dtype):
            yield np.stack(batch)
            batch = []
        batch.append(image)
    if batch:
        yield np.stack(batch)
