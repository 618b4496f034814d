"""The range of pixel values, and how it becomes [0, 1]."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from skmultigran.images._chunks import chunks


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
    def learn(cls, images: np.ndarray, value_range="auto") -> ValueRange:
        """Return the range of `images`.

        Parameters
        ----------
        images : ndarray of shape (n, ...)
            Finite images.
        value_range : tuple of float or "auto", default="auto"
            `(low, high)` as the user gave it, or "auto" for the rules above.

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
        dtype_range = _dtype_range(images.dtype)
        if dtype_range is not None:
            return cls(*dtype_range, by_dtype=True)
        low, high = _seen_range(images)
        if low >= 0 and high <= 1:
            return cls(0.0, 1.0, by_dtype=True)
        if high == low:
            # One more would be lost beside a large value.
            high = low + max(1.0, abs(low))
        return cls(low, high, by_dtype=False)

    def to_unit(self, images: np.ndarray) -> np.ndarray:
        """Return the images with `low` at 0 and `high` at 1.

        Parameters
        ----------
        images : ndarray
            Images of any real dtype.

        Returns
        -------
        ndarray of dtype float32
            The scaled images, not clipped.
        """
        dtype_range = _dtype_range(images.dtype) if self.by_dtype else None
        low, high = dtype_range or (self.low, self.high)
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


def _seen_range(images: np.ndarray) -> tuple[float, float]:
    pieces = [images[rows] for rows in chunks(images.shape)]
    return float(min(p.min() for p in pieces)), float(max(p.max() for p in pieces))
