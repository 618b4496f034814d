"""Scikit-learn's handwritten digits, drawn sharply at any size."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from skmultigran.datasets._splines import spline_weights

# A digit is what is at least this dark: the outline of its strokes.
OUTLINE = 0.34
# Pixels around a digit's box that its soft edge may reach.
MARGIN = 2
# Samples per pixel of the original, where the outlines are measured.
_FINE = 8


class Digits(NamedTuple):
    """All digits: darkness `(n, 8, 8)` in [0, 1], labels `(n,)` and boxes `(n, 4)`.

    The boxes are left, top, right and bottom of the outlines, in the pixels of the
    originals, which lie on [0, 8].
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray


class Glyph(NamedTuple):
    """One digit drawn: `opacity` and `inside`, with a margin around its box."""

    opacity: np.ndarray
    inside: np.ndarray


@lru_cache(maxsize=1)
def handwritten_digits() -> Digits:
    """Return scikit-learn's 1,797 digits and where their outlines end.

    Returns
    -------
    Digits
        The digits; read only, as they are kept.

    Examples
    --------
    >>> from skmultigran.datasets._glyphs import handwritten_digits
    >>> handwritten_digits().images.shape
    (1797, 8, 8)
    """
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8) / 16).astype(np.float32)
    digits = Digits(images, labels.astype(np.int64), _outline_boxes(images))
    for array in digits:
        array.setflags(write=False)
    return digits


def _outline_boxes(images: np.ndarray) -> np.ndarray:
    positions = np.arange(-1, 9, 1 / _FINE, dtype=np.float32)
    weights = spline_weights(positions, 8)
    darkness = weights @ images @ weights.T  # (n, y, x)
    columns, rows = darkness.max(axis=1), darkness.max(axis=2)
    left, top = _first_crossing(columns, positions), _first_crossing(rows, positions)
    right = _first_crossing(columns[:, ::-1], positions[::-1])
    bottom = _first_crossing(rows[:, ::-1], positions[::-1])
    return np.stack([left, top, right, bottom], axis=1)


def _first_crossing(profiles: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return where each profile first reaches the outline, between two samples."""
    after = (profiles >= OUTLINE).argmax(axis=1)
    each = np.arange(len(profiles))
    low, high = profiles[each, after - 1], profiles[each, after]
    share = (OUTLINE - low) / (high - low)
    return positions[after - 1] + share * (positions[after] - positions[after - 1])


def glyph_shape(box: np.ndarray, size: int) -> tuple[int, int]:
    """Return height and width of a digit whose longer side has `size` pixels.

    Parameters
    ----------
    box : ndarray of shape (4,)
        The outline's box, from `handwritten_digits`.
    size : int
        Longer side in pixels.

    Returns
    -------
    tuple of int
        Height and width.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.datasets._glyphs import glyph_shape
    >>> glyph_shape(np.array([2.0, 0.0, 6.0, 8.0]), 16)
    (16, 8)
    """
    width, height = box[2] - box[0], box[3] - box[1]
    longer = max(width, height)
    return max(1, round(size * height / longer)), max(1, round(size * width / longer))


def draw_glyph(image: np.ndarray, box: np.ndarray, shape: tuple[int, int]) -> Glyph:
    """Draw a digit with a soft edge of about one pixel.

    Parameters
    ----------
    image : ndarray of shape (8, 8)
        The original, in [0, 1].
    box : ndarray of shape (4,)
        Its outline's box.
    shape : tuple of int
        Height and width of the drawn outline's box, from `glyph_shape`.

    Returns
    -------
    Glyph
        `opacity` in [0, 1] and `inside`, both of shape
        `(height + 2 * MARGIN, width + 2 * MARGIN)`. What is inside touches all four
        sides of the box and never the margin: strokes are wider than the distance from
        a side to the nearest pixels' centres.
    """
    darkness, pitch = _sampled(image, box, shape)
    # A wide soft edge makes large digits foggy: steepen it as the pixels get finer.
    opacity = np.clip((darkness - OUTLINE) / (1.4 * pitch) + 0.5, 0, 1)
    opacity = np.where(darkness > 0.02, opacity, 0)  # no haze from far strokes
    return Glyph(opacity.astype(np.float32), darkness >= OUTLINE)


def _sampled(image, window, shape):
    """Return the darkness around a window, and the original's pixels per pixel."""
    left, top, right, bottom = window
    height, width = shape
    rows = _positions(top, bottom, height)
    columns = _positions(left, right, width)
    pitch = max(bottom - top, right - left) / max(shape)
    return spline_weights(rows, 8) @ image @ spline_weights(columns, 8).T, pitch


def _positions(start, end, n):
    """Return centres of n pixels from start to end, and of the margin around them."""
    steps = np.arange(-MARGIN, n + MARGIN) + 0.5
    return start + steps * (end - start) / n
