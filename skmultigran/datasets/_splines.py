"""Smooth curves through few samples, as matrices of weights."""

from __future__ import annotations

import numpy as np


def spline_weights(positions: np.ndarray, n: int) -> np.ndarray:
    """Return what each of n samples adds at some positions; cubic B-splines.

    Parameters
    ----------
    positions : ndarray of shape (m,)
        Where to read; sample i lies at `i + 0.5`. Beyond the samples there is zero.
    n : int
        Number of samples.

    Returns
    -------
    ndarray of float32 of shape (m, n)
        The weights: `weights @ samples` are the values.

    References
    ----------
    .. [1] Mitchell and Netravali, "Reconstruction filters in computer graphics",
       SIGGRAPH 1988.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.datasets._splines import spline_weights
    >>> spline_weights(np.array([1.5]), 3).round(3)
    array([[0.056, 0.889, 0.056]], dtype=float32)
    """
    distance = np.abs(positions[:, None] - (np.arange(n) + 0.5))
    near = (7 * distance**3 - 12 * distance**2 + 16 / 3) / 6
    far = (-7 / 3 * distance**3 + 12 * distance**2 - 20 * distance + 32 / 3) / 6
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0))
    return weights.astype(np.float32)
