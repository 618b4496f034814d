"""The filters of the scattering transform, as plain functions of numpy.

Positions are in pixels, frequencies in radians per pixel, arrays of frequencies in the
order of `numpy.fft`. An orientation is the angle of a wavelet's frequency, from the
columns' axis towards the rows' axis.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.fft import next_fast_len

_BANDWIDTH = 0.8  # standard deviation of the envelope of the finest wavelet
_FREQUENCY = 0.75 * math.pi  # centre frequency of the finest wavelet


def padded_length(length: int, n_scales: int) -> int:
    """Return the length to which one axis is extended before it is filtered.

    Parameters
    ----------
    length : int
        Number of pixels.
    n_scales : int
        Number of scales of the wavelets.

    Returns
    -------
    int
        A multiple of `2**(n_scales - 1)`, with at least that many pixels more on both
        sides, that a fast Fourier transform handles well.
    """
    block = 2 ** (n_scales - 1)
    return block * int(next_fast_len(math.ceil(length / block) + 2, real=False))


def symmetric_indices(length: int, padded: int) -> np.ndarray:
    """Return the pixels of an axis extended by mirroring, the edge pixel repeated.

    Parameters
    ----------
    length : int
        Number of pixels, from one.
    padded : int
        Number of pixels of the extended axis.

    Returns
    -------
    ndarray of int of shape (padded,)
        Which pixel stands at each position.

    Examples
    --------
    >>> from skmultigran.backbones._wavelets import symmetric_indices
    >>> symmetric_indices(3, 7)
    array([1, 0, 0, 1, 2, 2, 1])
    """
    # Mirroring has the period 2 * length, so that an image of one pixel works as well.
    positions = (np.arange(padded) - (padded - length) // 2) % (2 * length)
    return np.where(positions < length, positions, 2 * length - 1 - positions)


def _frequencies(shape: tuple[int, int], spacing: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the frequencies of a grid of `shape` with neighbours `spacing` apart."""
    rows, columns = (2 * np.pi / spacing * np.fft.fftfreq(n) for n in shape)
    return rows[:, None], columns[None, :]


# Far away they are 0, whatever numpy is told to do where numbers become too small.
_with_tails = np.errstate(under="ignore")


@_with_tails
def _gaussian(
    rows: np.ndarray,
    columns: np.ndarray,
    orientation: float,
    bandwidth: float,
    slant: float,
) -> np.ndarray:
    """Return the transform of a Gaussian that is `1 / slant` times as wide across."""
    along = rows * np.sin(orientation) + columns * np.cos(orientation)
    across = rows * np.cos(orientation) - columns * np.sin(orientation)
    return np.exp(-0.5 * bandwidth**2 * (along**2 + (across / slant) ** 2))


def morlet(
    shape: tuple[int, int], scale: int, orientation: float, slant: float
) -> np.ndarray:
    """Return the Fourier transform of a Morlet wavelet.

    The transform of `g(u) (exp(i <xi, u>) - beta)` with a Gaussian envelope `g`, of
    standard deviation `0.8 * 2**scale` along the orientation and `1 / slant` times that
    across it, a frequency `|xi| = 0.75 pi / 2**scale`, and `beta` such that the mean is
    zero. It is real, since `g` is symmetric.

    Parameters
    ----------
    shape : tuple of int
        `(height, width)` of the padded image.
    scale : int
        Scale of the wavelet, from 0. From scale 2 on the wavelet is cut to frequencies
        below `pi / 2**(scale - 1)` along each axis, beyond which it is below 1 % of its
        peak, and only these are returned.
    orientation : float
        Angle of the frequency, in radians.
    slant : float
        Ratio of the widths along and across, in (0, 1].

    Returns
    -------
    ndarray of shape (height / 2**max(scale - 1, 0), width / 2**max(scale - 1, 0))
        The transform.
    """
    spacing = 2 ** max(scale - 1, 0)
    height, width = shape[0] // spacing, shape[1] // spacing
    rows, columns = _frequencies((height, width), spacing)
    bandwidth = _BANDWIDTH * 2**scale
    frequency = _FREQUENCY / 2**scale
    # A sampled wavelet has a periodic transform: the tails of its neighbouring periods
    # reach into this one, at scales 0 and 1.
    periods = (-1, 0, 1) if spacing == 1 else (0,)
    oscillating = np.zeros((height, width))
    envelope = np.zeros((height, width))
    for row_period in periods:
        for column_period in periods:
            y = rows + 2 * np.pi * row_period
            x = columns + 2 * np.pi * column_period
            envelope += _gaussian(y, x, orientation, bandwidth, slant)
            y = y - frequency * np.sin(orientation)
            x = x - frequency * np.cos(orientation)
            oscillating += _gaussian(y, x, orientation, bandwidth, slant)
    wavelet = oscillating - oscillating[0, 0] / envelope[0, 0] * envelope
    if spacing > 1:
        # The cut is symmetric: the highest frequency has no positive counterpart.
        wavelet[height // 2] = 0.0
        wavelet[:, width // 2] = 0.0
    return wavelet


def morlet_bank(
    shape: tuple[int, int], n_scales: int, n_orientations: int
) -> list[np.ndarray]:
    """Return the Fourier transforms of all Morlet wavelets.

    Parameters
    ----------
    shape : tuple of int
        `(height, width)` of the padded image, multiples of `2**(n_scales - 1)`.
    n_scales : int
        Number of scales.
    n_orientations : int
        Number of orientations, which divide the half circle evenly. More of them are
        more selective: a wavelet is `n_orientations / 4` times as wide across its
        orientation as along it, at least as wide.

    Returns
    -------
    list of ndarray of shape (n_orientations, h, w)
        Transforms from the finest to the coarsest scale; the size of each scale is that
        of `morlet`.
    """
    slant = min(1.0, 4 / n_orientations)
    orientations = np.pi * np.arange(n_orientations) / n_orientations
    return [
        np.stack([morlet(shape, scale, angle, slant) for angle in orientations])
        for scale in range(n_scales)
    ]


@_with_tails
def gaussian_average(length: int, padded: int, spacing: int, stride: int) -> np.ndarray:
    """Return the matrix that averages samples of one axis by a Gaussian.

    Parameters
    ----------
    length : int
        Number of pixels of the image.
    padded : int
        Number of pixels of the extended axis.
    spacing : int
        Distance of the samples, the first of which stands at the first padded pixel.
    stride : int
        Distance of the averages. They stand symmetrically about the image's centre, and
        the Gaussian has a standard deviation of `0.4 * stride` pixels.

    Returns
    -------
    ndarray of shape (ceil(length / stride), padded / spacing)
        The weights; each row sums to one.
    """
    samples = np.arange(0, padded, spacing) - (padded - length) // 2
    count = math.ceil(length / stride)
    centres = (length - 1) / 2 + (np.arange(count) - (count - 1) / 2) * stride
    distances = (samples[None, :] - centres[:, None]) / (_BANDWIDTH / 2 * stride)
    weights = np.exp(-0.5 * distances**2)
    return weights / weights.sum(axis=1, keepdims=True)
