"""Noise removed from images: six classical methods, one parameter."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real

import numpy as np

from skmultigran._support import Interval, StrOptions, import_optional
from skmultigran.preprocessing._base import ImageTransformer
from skmultigran.preprocessing._noise import estimate_noise
from skmultigran.preprocessing._scale import NEGLIGIBLE, in_own_range

# The factors below were chosen on seven photographs of scikit-image with Gaussian noise
# of 0.02 to 0.2: each method's least mean squared error lies near them.
_GAUSSIAN_WIDTH = 2.5
_MEDIAN_RADIUS = 6.0
_BILATERAL_VALUES = 2.0
_BILATERAL_PIXELS = 1.5
_TOTAL_VARIATION = 0.7
_NON_LOCAL = 0.7


def _restoration():
    return import_optional(
        "skimage.restoration", caller="ImageDenoiser", extra="images"
    )


def gaussian(image: np.ndarray, noise: float) -> np.ndarray:
    """Blur; the Gaussian is 2.5 sqrt(noise) pixels wide."""
    filters = import_optional("skimage.filters", caller="ImageDenoiser", extra="images")
    width = _GAUSSIAN_WIDTH * math.sqrt(noise)
    return filters.gaussian(image, sigma=width, mode="nearest", channel_axis=-1)


def median(image: np.ndarray, noise: float) -> np.ndarray:
    """Take the median over a disc with a radius of 6 sqrt(noise) pixels."""
    filters = import_optional("skimage.filters", caller="ImageDenoiser", extra="images")
    radius = _MEDIAN_RADIUS * math.sqrt(noise)
    reach = np.arange(-int(radius), int(radius) + 1)
    disc = np.hypot(reach[:, None], reach) <= radius
    return filters.median(image, footprint=disc[:, :, None], mode="nearest")


def bilateral(image: np.ndarray, noise: float) -> np.ndarray:
    """Blur among neighbours whose values differ by little more than 2 noise."""
    # scikit-image compares colours of three channels, and of others one by one.
    if image.shape[2] == 3:
        return _bilateral(image, noise, channel_axis=-1)
    channels = [
        _bilateral(image[:, :, k], noise, channel_axis=None)
        for k in range(image.shape[2])
    ]
    return np.stack(channels, axis=2)


def _bilateral(image: np.ndarray, noise: float, channel_axis: int | None) -> np.ndarray:
    result = _restoration().denoise_bilateral(
        np.ascontiguousarray(image),
        win_size=5,
        sigma_color=_BILATERAL_VALUES * noise,
        sigma_spatial=_BILATERAL_PIXELS,
        mode="symmetric",
        channel_axis=channel_axis,
    )
    return result.reshape(image.shape)  # axes of one pixel were dropped


def total_variation(image: np.ndarray, noise: float) -> np.ndarray:
    """Make the image piecewise smooth, with weight 0.7 noise."""
    return _restoration().denoise_tv_chambolle(
        image, weight=_TOTAL_VARIATION * noise, channel_axis=-1
    )


def non_local_means(image: np.ndarray, noise: float) -> np.ndarray:
    """Average pixels with similar 5 x 5 patches, within 5 pixels."""
    result = _restoration().denoise_nl_means(
        image,
        patch_size=5,
        patch_distance=5,
        h=_NON_LOCAL * noise,
        sigma=noise,
        fast_mode=True,
        channel_axis=-1,
    )
    return result.reshape(image.shape)  # axes of one pixel were dropped


def wavelet(image: np.ndarray, noise: float) -> np.ndarray:
    """Shrink the coefficients of Haar's wavelet as far as `noise` explains them."""
    import_optional("pywt", caller="ImageDenoiser(method='wavelet')", extra="images")
    # A line of pixels is a signal; a single pixel has no coefficients.
    sides = [size for size in image.shape[:2] if size > 1]
    if not sides:
        return image
    result = _restoration().denoise_wavelet(
        image.reshape(*sides, image.shape[2]),
        sigma=noise,
        wavelet="haar",
        mode="soft",
        method="BayesShrink",
        channel_axis=-1,
        rescale_sigma=False,
    )
    return result.reshape(image.shape)


METHODS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "gaussian": gaussian,
    "median": median,
    "bilateral": bilateral,
    "total_variation": total_variation,
    "non_local_means": non_local_means,
    "wavelet": wavelet,
}


class ImageDenoiser(ImageTransformer):
    """Remove noise from images.

    All methods share one `strength`, the standard deviation of the noise to remove.
    Each method derives its own parameters from it, so that a search can compare
    methods. Images keep their type, and their values stay within the range of the
    image: that of the type for booleans and 8- and 16-bit integers, [0, 1] for floats
    within it, else from the lowest to the highest value of the image.

    Input: `(n, h, w)`, `(n, h, w, c)`, flattened rows `(n, h * w * c)`, or a column of
    images of any sizes, as arrays, Pillow images or file paths. Output: one array if
    all images have the same shape and type, else a 1-D object array; grey images have
    no channel axis unless the input had one. Rows remain rows. Images are processed
    independently.

    Parameters
    ----------
    method : str, default="gaussian"
        With s for the strength:

        - "gaussian": blur; 2.5 sqrt(s) pixels wide. Edges are blurred too.
        - "median": median over a disc with a radius of 6 sqrt(s) pixels; removes single
          wrong pixels. Below s = 0.028 the disc is one pixel, and nothing changes.
        - "bilateral": mean over 5 x 5 pixels, with little weight for those that differ
          by more than 2 s.
        - "total_variation": Chambolle's method with weight 0.7 s; flattens smooth areas
          and keeps edges sharp.
        - "non_local_means": mean over pixels with similar 5 x 5 neighbourhoods, filter
          width 0.7 s.
        - "wavelet": Haar coefficients shrunk by the BayesShrink rule for noise s;
          requires PyWavelets.

        Channels are processed separately, except that "bilateral" compares the colours
        of three channels and "non_local_means" the neighbourhoods in all channels.
    strength : float or "auto", default="auto"
        Standard deviation of the noise as a fraction of the range of the image, between
        0 and 1; 0 leaves the image unchanged. "auto": estimated for each image from the
        median of its finest wavelet details; 0 if most of the image is flat.
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
    >>> from skmultigran import ImageDenoiser
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (5, 32, 32))
    >>> denoised = ImageDenoiser(method="total_variation").fit_transform(0.5 + noise)
    >>> bool((denoised - 0.5).std() < noise.std() / 3)
    True
    """

    _parameter_constraints: dict = {
        "method": [StrOptions(set(METHODS))],
        "strength": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        **ImageTransformer._parameter_constraints,
    }

    def __init__(
        self, *, method="gaussian", strength="auto", image_shape=None, n_jobs=None
    ):
        self.method = method
        self.strength = strength
        self.image_shape = image_shape
        self.n_jobs = n_jobs

    def _changed(self, image: np.ndarray) -> np.ndarray:
        return in_own_range(image, self._denoised)

    def _denoised(self, values: np.ndarray) -> np.ndarray:
        noise = self.strength
        if isinstance(noise, str):
            noise = min(1.0, estimate_noise(values))
        return METHODS[self.method](values, noise) if noise > NEGLIGIBLE else values
