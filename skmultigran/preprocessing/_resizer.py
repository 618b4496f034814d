"""Images of any size to one size."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import torch

from skmultigran._support import Interval, StrOptions
from skmultigran.images import RESIZES, ImageShape, resize_images
from skmultigran.preprocessing._base import ImageTransformer
from skmultigran.preprocessing._scale import in_own_range


def resized(image: np.ndarray, size: tuple[int, int], resize: str) -> np.ndarray:
    """Return an image of another size, in its own type and range.

    Parameters
    ----------
    image : ndarray of shape (h, w, c)
        The image.
    size : tuple of int
        The new height and width.
    resize : {"letterbox", "stretch", "crop"}
        How, as in `resize_images`.

    Returns
    -------
    ndarray of shape (*size, c)
        The resized image; the same array where the size is right already.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._resizer import resized
    >>> resized(np.array([[[0], [100]]], np.uint8), (1, 1), "stretch")
    array([[[50]]], dtype=uint8)
    """
    if image.shape[:2] == size:
        return image

    def in_unit_range(values: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(values).permute(2, 0, 1)[None]  # (1, C, H, W)
        return resize_images(batch, size, resize)[0].permute(1, 2, 0).numpy()

    return in_own_range(image, in_unit_range)


class ImageResizer(ImageTransformer):
    """Resize images with an anti-aliasing filter, as the estimators do themselves.

    Images keep their type and range: bytes remain bytes. An image that already has the
    size is copied unchanged. The border of "letterbox" is the middle of the range of
    the image: that of the type for 8- and 16-bit integers, [0, 1] for floats within it,
    else from the lowest to the highest value of the image.

    Input: `(n, h, w)`, `(n, h, w, c)`, flattened rows `(n, h * w * c)`, or a column of
    images of any sizes, as arrays, Pillow images or file paths. Output: one array of
    `size`; grey images have no channel axis unless the input had one. Rows give rows,
    of the new size. Images are resized independently.

    Parameters
    ----------
    size : int or tuple of int, default=64
        Side of a square, or `(height, width)`.
    resize : {"letterbox", "stretch", "crop"}, default="letterbox"
        "letterbox" keeps the aspect ratio and centres the image on a border. "stretch"
        does not keep the aspect ratio. "crop" keeps it and cuts off what does not fit,
        equally on both sides.
    image_shape : tuple of int or None, default=None
        `(h, w)` or `(h, w, c)` of flattened rows. None: grey images, square if the
        length of a row is a square number, else of height 1.
    n_jobs : int or None, default=None
        Number of threads. None: one; -1: all processors.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in fit, for flattened rows only.
    feature_names_in_ : ndarray of str
        Names of the columns, for data frames only.
    image_shape_ : tuple of int
        `(h, w, c)` of an image, for flattened rows only.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran import ImageResizer
    >>> images = [np.zeros((10, 20), np.uint8), np.zeros((9, 7), np.uint8)]
    >>> ImageResizer(size=8).fit_transform(images).shape
    (2, 8, 8)
    """

    _parameter_constraints: dict = {
        "size": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "resize": [StrOptions(set(RESIZES))],
        **ImageTransformer._parameter_constraints,
    }

    def __init__(self, *, size=64, resize="letterbox", image_shape=None, n_jobs=None):
        self.size = size
        self.resize = resize
        self.image_shape = image_shape
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        super()._check_parameters()
        self._size()

    def _size(self) -> tuple[int, int]:
        values = np.atleast_1d(self.size).tolist()
        values = values * 2 if isinstance(self.size, Integral) else values
        if len(values) != 2 or not all(isinstance(v, int) and v > 0 for v in values):
            raise ValueError(
                f"ImageResizer got size={self.size!r}. It must be one positive "
                "integer, for a square, or (height, width)."
            )
        return values[0], values[1]

    def _changed(self, image: np.ndarray) -> np.ndarray:
        return resized(image, self._size(), self.resize)

    def _output_shape(self, shape: ImageShape) -> ImageShape:
        return ImageShape(*self._size(), shape.channels)
