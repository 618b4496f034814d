"""Contrast, brightness and sharpness of images: five methods, one parameter."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

import numpy as np

from skmultigran._support import Interval, StrOptions, import_optional
from skmultigran.preprocessing._base import ImageTransformer
from skmultigran.preprocessing._luminance import brightness, change_luminance
from skmultigran.preprocessing._scale import NEGLIGIBLE, in_own_range

_PERCENTILES = (2, 98)
_CLAHE_TILES = 8
_SMALLEST_TILE = 8
_CLAHE_LIMIT = 0.01
_UNSHARP_WIDTH = 1.0


def _exposure():
    return import_optional("skimage.exposure", caller="ImageEnhancer", extra="images")


def contrast(image: np.ndarray, amount: float) -> np.ndarray:
    """Stretch what lies between the 2nd and the 98th percentile over the range."""
    if image.shape[2] == 3:
        return _stretched(image, brightness(image), amount)
    channels = [image[:, :, k] for k in range(image.shape[2])]
    return np.stack([_stretched(c, c, amount) for c in channels], axis=2)


def _stretched(image: np.ndarray, grey: np.ndarray, amount: float) -> np.ndarray:
    low, high = np.percentile(grey, _PERCENTILES).astype(image.dtype)
    if high - low <= NEGLIGIBLE:
        return image
    return image + amount * (np.clip((image - low) / (high - low), 0, 1) - image)


def equalize(image: np.ndarray, amount: float) -> np.ndarray:
    """Give all brightnesses the same number of pixels; the darkest stays black."""

    def equalized(grey: np.ndarray) -> np.ndarray:
        if np.ptp(grey) <= NEGLIGIBLE:
            return grey
        shares = _exposure().equalize_hist(grey).astype(grey.dtype)
        # scikit-image gives the darkest pixels the share that they have; on a black
        # ground that would be nearly white.
        shares = (shares - shares.min()) / np.ptp(shares)
        return grey + amount * (shares - grey)

    return change_luminance(image, equalized)


def clahe(image: np.ndarray, amount: float) -> np.ndarray:
    """Equalize in 8 x 8 tiles, each with limited contrast."""

    def equalized(grey: np.ndarray) -> np.ndarray:
        if np.ptp(grey) <= NEGLIGIBLE:
            return grey
        tile = [max(_SMALLEST_TILE, size // _CLAHE_TILES) for size in grey.shape]
        local = _exposure().equalize_adapthist(
            np.clip(grey, 0, 1), kernel_size=tile, clip_limit=_CLAHE_LIMIT
        )
        return grey + amount * (local.astype(grey.dtype) - grey)

    return change_luminance(image, equalized)


def gamma(image: np.ndarray, amount: float) -> np.ndarray:
    """Raise all values to the power 1 / 2^amount."""
    return _exposure().adjust_gamma(image, gamma=2.0**-amount).astype(image.dtype)


def unsharp(image: np.ndarray, amount: float) -> np.ndarray:
    """Add the difference between the image and a Gaussian blur of one pixel."""
    filters = import_optional("skimage.filters", caller="ImageEnhancer", extra="images")

    def sharpened(grey: np.ndarray) -> np.ndarray:
        blurred = filters.gaussian(grey, sigma=_UNSHARP_WIDTH, mode="nearest")
        return grey + amount * (grey - blurred)

    return change_luminance(image, sharpened)


METHODS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "contrast": contrast,
    "equalize": equalize,
    "clahe": clahe,
    "gamma": gamma,
    "unsharp": unsharp,
}


class ImageEnhancer(ImageTransformer):
    """Change contrast, brightness or sharpness of images.

    All methods share one `amount`: 0 leaves the image unchanged, 1 is the full effect,
    values between are mixtures and larger ones are stronger. Images keep their type,
    and their values stay within the range of the image: that of the type for booleans
    and 8- and 16-bit integers, [0, 1] for floats within it, else from the lowest to the
    highest value of the image. A constant image is unchanged, except with "gamma".

    Images with three channels are RGB, and their colours are kept: "equalize", "clahe"
    and "unsharp" change the luminance (ITU-R BT.601) and add its change to all three
    channels; "contrast" uses the percentiles of the luminance and stretches all
    channels equally. "gamma" changes each channel separately. For other numbers of
    channels, every method changes each channel separately.

    Input: `(n, h, w)`, `(n, h, w, c)`, flattened rows `(n, h * w * c)`, or a column of
    images of any sizes, as arrays, Pillow images or file paths. Output: one array if
    all images have the same shape and type, else a 1-D object array; grey images have
    no channel axis unless the input had one. Rows remain rows. Images are processed
    independently.

    Parameters
    ----------
    method : str, default="contrast"
        - "contrast": values between the 2nd and the 98th percentile are stretched over
          the whole range, others are clipped.
        - "equalize": histogram equalization; every brightness gets the same number of
          pixels, and the darkest stays black.
        - "clahe": the same in each part of the image, with limited contrast
          (contrast-limited adaptive histogram equalization of Zuiderveld, 1994): parts
          of an eighth of height and width, at least 8 pixels.
        - "gamma": values to the power 1 / 2^amount; 1 is the square root (brighter), -1
          the square (darker).
        - "unsharp": the difference to a Gaussian blur of one pixel is added `amount`
          times.
    amount : float, default=1.0
        Strength of the change, from 0 to 10; for "gamma" also down to -10.
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
    >>> from skmultigran import ImageEnhancer
    >>> dull = np.arange(100, 150, dtype=np.uint8).reshape(1, 5, 10)
    >>> enhanced = ImageEnhancer(method="contrast").fit_transform(dull)
    >>> int(enhanced.min()), int(enhanced.max())
    (0, 255)
    """

    _parameter_constraints: dict = {
        "method": [StrOptions(set(METHODS))],
        "amount": [Interval(Real, -10, 10, closed="both")],
        **ImageTransformer._parameter_constraints,
    }

    def __init__(self, *, method="contrast", amount=1.0, image_shape=None, n_jobs=None):
        self.method = method
        self.amount = amount
        self.image_shape = image_shape
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.amount < 0 and self.method != "gamma":
            raise ValueError(
                f"ImageEnhancer got amount={self.amount!r} with "
                f"method={self.method!r}. Only method='gamma' takes less than 0, where "
                "it darkens; use 0 to leave images as they are."
            )

    def _changed(self, image: np.ndarray) -> np.ndarray:
        if self.amount == 0:
            return image
        return in_own_range(image, self._enhanced)

    def _enhanced(self, values: np.ndarray) -> np.ndarray:
        return METHODS[self.method](values, self.amount)
