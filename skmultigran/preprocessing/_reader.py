"""Paths, and every other form of images, to arrays."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from skmultigran._support import Options
from skmultigran.images import ImageShape, with_channels
from skmultigran.preprocessing._base import ImageTransformer


class ImageReader(ImageTransformer):
    """Read images from files, and convert other forms of images to arrays.

    Images keep their full size and their own type: uint8 for most files, uint16, int32
    or float32 for those of 16 and 32 bits. Files are rotated according to their EXIF
    data; transparent parts become white. A file that cannot be read always raises an
    error with its row and path.

    Input: `(n, h, w)`, `(n, h, w, c)`, flattened rows `(n, h * w * c)`, or a column of
    images of any sizes, as arrays, Pillow images or file paths. Output: one array if
    all images have the same shape and type, else a 1-D object array; grey images have
    no channel axis unless the input had one. Rows remain rows. Images are read
    independently.

    Parameters
    ----------
    channels : {1, 3} or None, default=None
        Number of channels of every image: 1 is the luminance (ITU-R BT.601), 3 repeats
        grey. None: files with one value per pixel have one, all others three; arrays
        keep theirs; if grey and colour are mixed, all have three.
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
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from skmultigran import ImageReader
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "red.png"
    ...     Image.new("RGB", (6, 4), "red").save(path)
    ...     images = ImageReader().fit_transform([path, path])
    >>> images.shape, images.dtype
    ((2, 4, 6, 3), dtype('uint8'))
    """

    _parameter_constraints: dict = {
        "channels": [Options(Integral, {1, 3}), None],
        **ImageTransformer._parameter_constraints,
    }

    def __init__(self, *, channels=None, image_shape=None, n_jobs=None):
        self.channels = channels
        self.image_shape = image_shape
        self.n_jobs = n_jobs

    def _changed(self, image: np.ndarray) -> np.ndarray:
        if self.channels in (None, image.shape[2]):
            return image
        if image.shape[2] not in (1, 3, 4):
            raise ValueError(
                f"ImageReader(channels={self.channels}) got images of {image.shape[2]} "
                "channels. Only grey, RGB and RGBA images can be converted; choose "
                "channels yourself, or leave channels=None."
            )
        return with_channels(image, self.channels)

    def _output_shape(self, shape: ImageShape) -> ImageShape:
        return ImageShape(*shape.size, self.channels or shape.channels)
