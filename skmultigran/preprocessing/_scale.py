"""The range that an image's values have, and work between 0 and 1 within it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skmultigran.images import ValueRange

# Differences of values in [0, 1] that are rounding: half a grey level of 16 bits.
NEGLIGIBLE = 2.0**-17


def in_own_range(
    image: np.ndarray, function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Apply a function of values in [0, 1] to an image of any type and range.

    The range is the image's own: that of the type for booleans and integers of 8 and 16
    bits, [0, 1] for floats within it, else from the lowest to the highest value.

    Parameters
    ----------
    image : ndarray of shape (h, w, c)
        The image; it is not changed.
    function : callable
        Takes an image of floats in [0, 1] and returns one.

    Returns
    -------
    ndarray
        The result in the type and within the range of `image`; integers are rounded.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._scale import in_own_range
    >>> in_own_range(np.array([[[0], [100], [255]]], np.uint8), lambda v: 1 - v).ravel()
    array([255, 155,   0], dtype=uint8)
    """
    low, high = own_range(image)
    values = np.clip(function(to_unit(image)), 0, 1) * (high - low) + low
    if image.dtype.kind != "f":
        values = np.rint(values)
    return values.astype(image.dtype)


def to_unit(image: np.ndarray) -> np.ndarray:
    """Return an image with its own range at [0, 1].

    Parameters
    ----------
    image : ndarray of shape (h, w, c)
        A finite image.

    Returns
    -------
    ndarray of float32 or float64
        float64 for what float32 cannot hold.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._scale import to_unit
    >>> to_unit(np.array([[[0], [51]]], np.uint8)).ravel()
    array([0. , 0.2], dtype=float32)
    """
    low, high = own_range(image)
    return (image.astype(_working_dtype(image.dtype)) - low) / (high - low)


def own_range(image: np.ndarray) -> tuple[float, float]:
    """Return the lowest and the highest value of an image's range.

    Parameters
    ----------
    image : ndarray of shape (h, w, c)
        A finite image.

    Returns
    -------
    tuple of float
        Low and high; low < high also for constant images.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._scale import own_range
    >>> own_range(np.full((4, 4, 1), 0.3)), own_range(np.full((4, 4, 1), -2.0))
    ((0.0, 1.0), (-2.0, 0.0))
    """
    found = ValueRange.learn(image)
    return found.low, found.high


def _working_dtype(dtype: np.dtype) -> type[np.floating]:
    exact = dtype.kind in "biu" and dtype.itemsize <= 2
    return np.float32 if exact or dtype in (np.float16, np.float32) else np.float64
