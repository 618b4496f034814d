"""How much noise an image has, estimated from the image alone."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

# High-pass filter of Daubechies' second wavelet; it has norm one, so that white noise
# keeps its deviation, and is blind to linear slopes.
_HIGH_PASS = np.array([-0.12940952, -0.22414387, 0.83651630, -0.48296291])
# Median of the absolute value of a standard normal variable.
_MEDIAN_OF_NORMAL = 0.6744898


def estimate_noise(image: np.ndarray) -> float:
    """Return the standard deviation of an image's noise.

    The image is filtered so that slopes and horizontal and vertical edges vanish; the
    median absolute value of what is left, over all channels, tells the deviation of
    white Gaussian noise (Donoho and Johnstone, "Ideal spatial adaptation by wavelet
    shrinkage", Biometrika 1994). Along axes of one pixel nothing is filtered.

    Parameters
    ----------
    image : ndarray of float of shape (h, w, c)
        The image.

    Returns
    -------
    float
        The deviation, in the units of `image`. 0 where most of the image is flat, such
        as a drawing on white ground.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._noise import estimate_noise
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (64, 64, 1))
    >>> round(estimate_noise(noise), 2)
    0.1
    """
    details = image.astype(np.float64)
    axes = [axis for axis in (0, 1) if image.shape[axis] > 1]
    if not axes:
        return 0.0
    for axis in axes:
        details = ndimage.convolve1d(details, _HIGH_PASS, axis=axis, mode="reflect")
    return float(np.median(np.abs(details))) / _MEDIAN_OF_NORMAL
