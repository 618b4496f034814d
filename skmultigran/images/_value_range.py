"""The range of pixel values, and how it becomes [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skmultigran.images._chunks import chunks
from skmultigran.images._collection import Images


@dataclass(frozen=True)
class ValueRange:
    """Pixel values that become 0 and 1.

    Integers of 8 or 16 bits and booleans have the range of their type. Floats within
    [0, 1] stay as they are. Other floats, and wider integers, which carry no range of
    their own, use the range seen in fit. After a fit on integers, floats are taken to
    be in the same units.

    Parameters
    ----------
    low, high : float
        Values that become 0 and 1.
    by_dtype : bool
        Whether 8- and 16-bit integers and booleans use the range of their type.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import ValueRange
    >>> values = ValueRange.learn(np.array([[0, 51, 255]], dtype=np.uint8))
    >>> values.to_unit(np.array([[0, 51, 255]], dtype=np.uint8))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """

    low: float
    high: float
    by_dtype: bool

    @classmethod
    def learn(
        cls,
        images: np.ndarray | Images,
        value_range="auto",
        rows: np.ndarray | None = None,
    ) -> ValueRange:
        """Return the range of `images`.

        Parameters
        ----------
        images : ndarray of shape (n, ...) or Images
            Finite images. They are read only if their type has no range of its own.
        value_range : tuple of float or "auto", default="auto"
            `(low, high)` as the user gave it, or "auto" for the rules above.
        rows : ndarray of int or None, default=None
            Rows to learn from; None: all.

        Returns
        -------
        ValueRange
            The range.

        Raises
        ------
        ValueError
            If `value_range` is not two increasing, finite numbers.
        """
        if not isinstance(value_range, str):
            return cls(*_as_range(value_range), by_dtype=False)
        dtypes = {images.dtype} if isinstance(images, np.ndarray) else images.dtypes
        ranges = [r for r in map(_dtype_range, dtypes) if r is not None]
        if len(ranges) == len(dtypes):
            return cls(*min(ranges), by_dtype=True)
        low, high = _seen_range(images, rows)
        if low >= 0 and high <= 1:
            return cls(0.0, 1.0, by_dtype=True)
        if high == low:
            # One more would be lost beside a large value.
            high = low + max(1.0, abs(low))
        return cls(low, high, by_dtype=bool(ranges))

    def is_of_type(self, dtype: np.dtype) -> bool:
        """Tell whether images of a type have the range of their type.

        Parameters
        ----------
        dtype : numpy.dtype
            Type of the images.

        Returns
        -------
        bool
            Whether they have, whatever `low` and `high` are.
        """
        return self.by_dtype and _dtype_range(dtype) is not None

    def limits(self, dtype: np.dtype) -> tuple[float, float]:
        """Return the values that become 0 and 1 in images of a type.

        Parameters
        ----------
        dtype : numpy.dtype
            Type of the images.

        Returns
        -------
        tuple of float
            The values.
        """
        dtype_range = _dtype_range(dtype) if self.by_dtype else None
        return dtype_range or (self.low, self.high)

    def to_unit(self, images: np.ndarray) -> np.ndarray:
        """Return the images with `low` at 0 and `high` at 1.

        Parameters
        ----------
        images : ndarray
            Images of any real dtype.

        Returns
        -------
        ndarray of dtype float32
            The scaled images, not clipped; always a new array.
        """
        low, high = self.limits(images.dtype)
        exact = images.dtype.kind in "iub" and images.dtype.itemsize <= 2
        small = exact or images.dtype in (np.float16, np.float32)
        dtype: type[np.floating] = np.float32 if small else np.float64
        values = images.astype(dtype)
        if low != 0:
            values -= low
        if high - low != 1:
            values /= high - low
        return values.astype(np.float32, copy=False)


def _as_range(value_range) -> tuple[float, float]:
    try:
        low, high = (float(value) for value in value_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise ValueError(
            f"value_range={value_range!r} must be (low, high) with low < high, the "
            "finite values that become 0 and 1."
        )
    return low, high


def _dtype_range(dtype: np.dtype) -> tuple[float, float] | None:
    """Return the range of a boolean or an 8- or 16-bit integer type, else None."""
    if dtype.kind == "b":
        return 0.0, 1.0
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        limits = np.iinfo(dtype)
        return float(limits.min), float(limits.max)
    return None


def _seen_range(
    images: np.ndarray | Images, rows: np.ndarray | None
) -> tuple[float, float]:
    """Return the least and largest value of what has no range by its type."""
    low, high = math.inf, -math.inf
    for piece in _pieces(images, rows):
        if _dtype_range(piece.dtype) is None:
            low, high = min(low, float(piece.min())), max(high, float(piece.max()))
    return low, high


def _pieces(
    images: np.ndarray | Images, rows: np.ndarray | None
) -> Iterator[np.ndarray]:
    rows = np.arange(len(images)) if rows is None else rows
    if isinstance(images, np.ndarray):
        shape = (len(rows), *images.shape[1:])
        return (images[rows[part]] for part in chunks(shape))
    return images.batches(rows)
