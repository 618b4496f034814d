"""The object of an image: as a mask, on empty ground, or cut out."""

from __future__ import annotations

from numbers import Real

import numpy as np

from skmultigran._support import Interval, StrOptions
from skmultigran.images import ImageShape
from skmultigran.preprocessing._base import ImageTransformer
from skmultigran.preprocessing._foreground import (
    REGIONS,
    THRESHOLDS,
    bounding_box,
    find_foreground,
)
from skmultigran.preprocessing._scale import to_unit


class ForegroundSegmenter(ImageTransformer):
    """Separate the object from the background in each image, without labels.

    Thresholds separate bright from dark pixels, by the luminance (ITU-R BT.601) of
    colour images, or the mean of other numbers of channels. The border decides which
    side is the object: the one with at most half of the outermost pixels. Region
    methods separate by colour: those regions with the most border pixels that together
    cover three quarters of the border are the background, and all others are the
    object. So an object may touch the border, but what it encloses counts as object
    too.

    If nothing is found, the whole image is the object, so no crop is empty.

    Input: `(n, h, w)`, `(n, h, w, c)`, flattened rows `(n, h * w * c)`, or a column of
    images of any sizes, as arrays, Pillow images or file paths. Output: masks have no
    channel axis; images keep their type and range, and grey images have no channel axis
    unless the input had one: one array if all have the same shape and type, else a 1-D
    object array. Rows give rows, except for crops, whose size depends on the image.
    Images are processed independently.

    Parameters
    ----------
    method : str, default="otsu"
        - "otsu": threshold with the least variance on both sides.
        - "li": threshold with the least cross-entropy.
        - "adaptive": Otsu's threshold on the difference to a Gaussian mean over an
          eighth of the longer side; for uneven lighting and objects smaller than that.
        - "felzenszwalb": regions of the graph-based segmentation of Felzenszwalb and
          Huttenlocher (2004).
        - "slic": about 100 superpixels (Achanta and others, 2012).

        Neighbouring regions of similar colour are merged, if their means differ by less
        than a tenth of the contrast of the image.
    output : {"masked", "mask", "crop"}, default="masked"
        "masked": the image with `fill` in place of the background. "mask": True on the
        object. "crop": the image cut to the bounding box of the object and `margin`.
    foreground : {"auto", "bright", "dark"}, default="auto"
        Side of the threshold on which the object is. "auto": the border decides. Region
        methods always use the border.
    fill : float, default=0.0
        Value of the background with "masked", in the units of the images.
    margin : float, default=0.0
        Margin that "crop" adds on each side, as a fraction of the longer side of the
        box.
    min_area : float, default=0.001
        Connected parts of the object that are smaller than this fraction of the image
        are dropped.
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
    >>> from skmultigran import ForegroundSegmenter
    >>> images = np.full((1, 10, 10), 200, dtype=np.uint8)
    >>> images[0, 2:5, 3:9] = 50
    >>> ForegroundSegmenter(output="mask").fit_transform(images).sum()
    np.int64(18)
    >>> ForegroundSegmenter(output="crop").fit_transform(images).shape
    (1, 3, 6)
    """

    _parameter_constraints: dict = {
        "method": [StrOptions({*THRESHOLDS, *REGIONS})],
        "output": [StrOptions({"masked", "mask", "crop"})],
        "foreground": [StrOptions({"auto", "bright", "dark"})],
        "fill": [Interval(Real, None, None, closed="neither")],
        "margin": [Interval(Real, 0, None, closed="left")],
        "min_area": [Interval(Real, 0, 1, closed="left")],
        **ImageTransformer._parameter_constraints,
    }

    def __init__(
        self,
        *,
        method="otsu",
        output="masked",
        foreground="auto",
        fill=0.0,
        margin=0.0,
        min_area=0.001,
        image_shape=None,
        n_jobs=None,
    ):
        self.method = method
        self.output = output
        self.foreground = foreground
        self.fill = fill
        self.margin = margin
        self.min_area = min_area
        self.image_shape = image_shape
        self.n_jobs = n_jobs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.output == "mask":
            tags.transformer_tags.preserves_dtype = []
        return tags

    def _changed(self, image: np.ndarray) -> np.ndarray:
        mask = self._mask(image)
        if self.output == "mask":
            return mask
        if self.output == "crop":
            return image[bounding_box(mask, self.margin)]
        return np.where(mask[:, :, None], image, _as_type(self.fill, image.dtype))

    def _mask(self, image: np.ndarray) -> np.ndarray:
        return find_foreground(
            to_unit(image), self.method, self.foreground, self.min_area
        )

    def _output_shape(self, shape: ImageShape) -> ImageShape | None:
        if self.output == "crop":
            return None
        return ImageShape(*shape.size, 1) if self.output == "mask" else shape


def _as_type(fill: float, dtype: np.dtype):
    """Return the fill in the type of the images, if that can hold it."""
    with np.errstate(over="ignore", invalid="ignore"):
        value = np.asarray(fill).astype(dtype)
    exact = dtype.kind == "f" and np.isfinite(value)
    if not exact and value != fill:
        raise ValueError(
            f"ForegroundSegmenter got fill={fill!r}, which images of type {dtype} "
            "cannot hold. Choose a value of that type."
        )
    return value
