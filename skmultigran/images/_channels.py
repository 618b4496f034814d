"""One number of channels for images that come with several."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_CONVERTIBLE = {1, 3, 4}
# ITU-R BT.601: how bright red, green and blue seem.
_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114


def luminance(image: np.ndarray) -> np.ndarray:
    """Return how bright the pixels of an RGB image are, after ITU-R BT.601.

    Parameters
    ----------
    image : ndarray of shape (h, w, 3)
        The image.

    Returns
    -------
    ndarray of float of shape (h, w)
        The luminance, in the units of the image.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import luminance
    >>> float(luminance(np.array([[[0.0, 1.0, 0.0]]]))[0, 0])
    0.587
    """
    # Not a product of matrices, whose last bits depend on a pixel's place.
    return _RED * image[:, :, 0] + _GREEN * image[:, :, 1] + _BLUE * image[:, :, 2]


def common_channels(counts: Mapping[int, int], owner: str) -> int:
    """Return the number of channels that images of several kinds get.

    Parameters
    ----------
    counts : dict of int to int
        Channels of the image in each row.
    owner : str
        Name of the estimator, for the message.

    Returns
    -------
    int
        The number that all have; 3 for a mixture of grey, RGB and RGBA.

    Raises
    ------
    ValueError
        For any other mixture; the message names two rows.

    Examples
    --------
    >>> from skmultigran.images._channels import common_channels
    >>> common_channels({0: 1, 1: 3}, "the example")
    3
    """
    kinds = set(counts.values())
    if len(kinds) == 1:
        return kinds.pop()
    if kinds <= _CONVERTIBLE:
        return 3
    odd = next(row for row in counts if counts[row] not in _CONVERTIBLE)
    other = next(row for row in counts if counts[row] != counts[odd])
    raise ValueError(
        f"{owner} got images of {counts[odd]} channels (row {odd}) and of "
        f"{counts[other]} (row {other}). Only grey, RGB and RGBA images can be mixed; "
        "give all images the same channels, which are the last axis of an array."
    )


def can_convert(found: int, wanted: int) -> bool:
    """Tell whether `with_channels` can give an image the channels that are wanted.

    Parameters
    ----------
    found, wanted : int
        Numbers of channels.

    Returns
    -------
    bool
        Whether it can.
    """
    return found == wanted or (found in _CONVERTIBLE and wanted in (1, 3))


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Return an image with the number of channels that is wanted.

    Grey is repeated, RGB becomes its luminance (ITU-R BT.601), and RGBA is laid on
    white: the largest value of integers of 8 and 16 bits; else 1, 255 or 65535, the
    first that no value of the image exceeds.

    Parameters
    ----------
    image : ndarray of shape (h, w, c)
        The image.
    channels : int
        The number wanted; `can_convert` tells what is possible.

    Returns
    -------
    ndarray of shape (h, w, channels)
        The image, of its own type; the same array where nothing changes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images._channels import with_channels
    >>> with_channels(np.zeros((4, 6, 1)), 3).shape
    (4, 6, 3)
    """
    if image.shape[2] == channels:
        return image
    if image.shape[2] == 4:
        image = _on_white(image)
    if image.shape[2] == 1:
        return np.repeat(image, channels, axis=2)
    if channels == 1:
        return _cast(luminance(image), image.dtype)[:, :, None]
    return image


def _on_white(image: np.ndarray) -> np.ndarray:
    white = _white(image)
    alpha = image[:, :, 3:].astype(np.float32) / white
    return _cast(image[:, :, :3] * alpha + white * (1 - alpha), image.dtype)


def _white(image: np.ndarray) -> int:
    if image.dtype.kind in "iu" and image.dtype.itemsize <= 2:
        return int(np.iinfo(image.dtype).max)
    return next((white for white in (1, 255) if image.max() <= white), 65535)


def _cast(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return (values if dtype.kind == "f" else values.round()).astype(dtype)
