"""Masks resized as their images are, and back: by the nearest pixel, inventing none."""

from __future__ import annotations

import numpy as np

from skmultigran.images._resizing import placement


def fit_mask(
    mask: np.ndarray, size: tuple[int, int], resize: str, fill: int
) -> np.ndarray:
    """Return a mask as `resize_images` makes the image.

    Parameters
    ----------
    mask : ndarray of shape (h, w)
        Labels.
    size : tuple of int
        The new `(height, width)`.
    resize : {"letterbox", "stretch", "crop"}
        How the image is resized.
    fill : int
        Label of what has no image.

    Returns
    -------
    ndarray of shape `size`
        The nearest labels; the same array when the size is right already.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import fit_mask
    >>> fit_mask(np.array([[1, 2]]), (4, 4), "letterbox", -1)[:, 0]
    array([-1,  1,  1, -1])
    """
    if mask.shape == tuple(size):
        return mask
    inner, corner = placement((mask.shape[0], mask.shape[1]), size, resize)
    fitted = np.full(size, fill, dtype=mask.dtype)
    rows, columns = (
        _nearest(length, to) for length, to in zip(mask.shape, inner, strict=True)
    )
    # What lies outside, where the image is cut, is left out on both sides.
    inside = [
        slice(max(0, start), min(to, start + length))
        for start, length, to in zip(corner, inner, size, strict=True)
    ]
    rows, columns = (
        numbers[part.start - start : part.stop - start]
        for numbers, part, start in zip((rows, columns), inside, corner, strict=True)
    )
    fitted[inside[0], inside[1]] = mask[np.ix_(rows, columns)]
    return fitted


def unfit_mask(fitted: np.ndarray, size: tuple[int, int], resize: str) -> np.ndarray:
    """Return what was made at the size of the network at the size of the image.

    Parameters
    ----------
    fitted : ndarray of shape (h, w, ...)
        Labels, or numbers per pixel.
    size : tuple of int
        `(height, width)` of the image.
    resize : {"letterbox", "stretch", "crop"}
        How the image was resized.

    Returns
    -------
    ndarray of shape (*size, ...)
        The nearest of each pixel; of what was cut off, that of the border.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import unfit_mask
    >>> unfit_mask(np.array([[9, 9], [1, 2]]), (1, 4), "stretch")
    array([[1, 1, 2, 2]])
    """
    if fitted.shape[:2] == tuple(size):
        return fitted
    inner, corner = placement(size, (fitted.shape[0], fitted.shape[1]), resize)
    rows, columns = (
        (_nearest(length, to) + start).clip(0, limit - 1)
        for length, to, start, limit in zip(
            inner, size, corner, fitted.shape[:2], strict=True
        )
    )
    return fitted[np.ix_(rows, columns)]


def _nearest(length: int, to: int) -> np.ndarray:
    """Return which of `length` pixels each of `to` pixels lies in."""
    return ((np.arange(to) + 0.5) * length / to).astype(np.int64)
