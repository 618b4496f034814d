"""What size the images have, and how flattened rows become images again."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np

_LONGEST_QUIET_LINE = 48
_LARGEST_CHOSEN_SIDE = 224


class ImageShape(NamedTuple):
    """Height, width and channels of an image.

    Parameters
    ----------
    height, width : int
        Size in pixels.
    channels : int
        Number of channels.

    Examples
    --------
    >>> from skmultigran.images import ImageShape
    >>> ImageShape(8, 8, 1).n_features
    64
    """

    height: int
    width: int
    channels: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    @property
    def n_features(self) -> int:
        """Number of values of one image."""
        return math.prod(self)


def infer_image_shape(shape, image_shape) -> ImageShape:
    """Return the shape of one image.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array: `(n, columns)`, `(n, h, w)` or `(n, h, w, c)`.
    image_shape : tuple of int or None
        `(h, w)` or `(h, w, c)` as the user gave it. None: a row whose length is a
        perfect square is a square grey image, any other row is one grey line.

    Returns
    -------
    ImageShape
        Height, width and channels.

    Raises
    ------
    ValueError
        If images have no pixels, or `image_shape` does not fit; for rows the message
        lists shapes that would.

    Warns
    -----
    UserWarning
        If a row longer than 48 becomes one line, or if the channels seem to come first.

    Examples
    --------
    >>> from skmultigran.images import infer_image_shape
    >>> infer_image_shape((10, 784), None)
    ImageShape(height=28, width=28, channels=1)
    >>> infer_image_shape((10, 3072), (32, 32, 3))
    ImageShape(height=32, width=32, channels=3)
    """
    given = None if image_shape is None else _as_shape(image_shape)
    if len(shape) > 2:
        return _of_array(shape, given)
    if given is None:
        return _of_row(shape[1])
    if given.n_features != shape[1]:
        raise ValueError(
            f"image_shape={tuple(image_shape)} needs rows of {given.n_features} "
            f"values, but X has {shape[1]} columns. Shapes that would fit: "
            f"{_fitting_shapes(shape[1])}."
        )
    return given


def chosen_image_size(sizes: np.ndarray) -> tuple[int, int]:
    """Return the size that a network sees when images come in several.

    A square, so that upright and lying images are equals. Its side is the median of the
    images' longer sides, at most 224 pixels, the size that most pretrained networks are
    made for; from 32 pixels on it is rounded to a multiple of 32, which no network
    needs to pad.

    Parameters
    ----------
    sizes : ndarray of int of shape (n, 2)
        Heights and widths.

    Returns
    -------
    tuple of int
        `(height, width)`.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import chosen_image_size
    >>> chosen_image_size(np.array([[160, 120], [90, 160], [150, 150]]))
    (160, 160)
    """
    side = int(np.median(sizes.max(axis=1)))
    if side >= 32:
        side = min(_LARGEST_CHOSEN_SIDE, round(side / 32) * 32)
    return side, side


def _as_shape(image_shape) -> ImageShape:
    values = tuple(image_shape)
    integers = all(isinstance(v, int) or hasattr(v, "__index__") for v in values)
    if len(values) not in (2, 3) or not integers or min(values) < 1:
        raise ValueError(
            f"image_shape={image_shape!r} must be (height, width) or (height, width, "
            "channels) of positive integers."
        )
    height, width, channels = (*values, 1)[:3]
    return ImageShape(int(height), int(width), int(channels))


def _of_array(shape, given: ImageShape | None) -> ImageShape:
    found = ImageShape(*(*shape[1:], 1)[:3])
    if not found.n_features:
        raise ValueError(
            f"X is an array of shape {tuple(shape)}, of images without pixels. An "
            "array is (n, h, w) or (n, h, w, c), and no side of an image may be 0."
        )
    if given is not None and given != found:
        raise ValueError(
            f"image_shape={tuple(given)}, but X is an array of images of shape "
            f"{tuple(found)}. Leave image_shape=None for arrays that are not flattened."
        )
    many = found.channels > 16 or found.channels == found.width > 4
    if len(shape) == 4 and found.height in (1, 3) and many:
        warnings.warn(
            f"X has shape {tuple(shape)}, read as {found.channels} channels. If the "
            "channels come first, move them last: np.moveaxis(X, 1, -1).",
            UserWarning,
            stacklevel=2,
        )
    return found


def _of_row(columns: int) -> ImageShape:
    side = math.isqrt(columns)
    if side * side == columns:
        return ImageShape(side, side, 1)
    if columns > _LONGEST_QUIET_LINE:
        warnings.warn(
            f"X has {columns} columns, which is no square image: each row is read as "
            "one grey line. Pass image_shape; shapes that would fit: "
            f"{_fitting_shapes(columns)}.",
            UserWarning,
            stacklevel=2,
        )
    return ImageShape(1, columns, 1)


def _fitting_shapes(columns: int) -> str:
    """Return up to three shapes that use all columns, the squarest ones."""
    shapes = []
    for channels in (1, 3, 4):
        pixels, rest = divmod(columns, channels)
        if rest:
            continue
        height = next(h for h in range(math.isqrt(pixels), 0, -1) if pixels % h == 0)
        size = (height, pixels // height)
        shapes.append(size if channels == 1 else (*size, channels))
    return ", ".join(str(shape) for shape in shapes)
