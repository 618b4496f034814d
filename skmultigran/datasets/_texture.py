"""Textured grounds: several octaves of smooth noise, a gradient and fine grain."""

from __future__ import annotations

import numpy as np

from skmultigran.datasets._splines import spline_weights

# Pixels between the knots of each octave, coarse to fine.
OCTAVES = (64, 32, 16, 8, 4)
# Grey levels of 255 within which each ground draws its own.
MEAN = (60, 195)
CONTRAST = (3, 22)  # standard deviation of the octaves together
SLOPE = (0, 45)  # from the middle to the end of the gradient
GRAIN = (0.5, 6)  # standard deviation of the grain
# The octaves' strengths are `octave ** roughness`: from fine and rough to cloudy.
ROUGHNESS = (-0.2, 1.0)


def textured_grounds(
    rng: np.random.Generator, n: int, size: tuple[int, int]
) -> np.ndarray:
    """Draw grounds that differ in brightness, contrast, roughness and light.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the randomness comes from.
    n : int
        Number of grounds.
    size : tuple of int
        Height and width.

    Returns
    -------
    ndarray of float32 of shape (n, *size)
        The grounds, in [0, 255].

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.datasets._texture import textured_grounds
    >>> textured_grounds(np.random.default_rng(0), 3, (16, 20)).shape
    (3, 16, 20)
    """

    def drawn(low, high):
        return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)

    ground = _octaves(rng, drawn(*ROUGHNESS), size)
    ground *= drawn(*CONTRAST)
    ground += drawn(*SLOPE) * _gradients(drawn(0, 2 * np.pi), size)
    ground += drawn(*GRAIN) * rng.standard_normal(ground.shape, dtype=np.float32)
    ground += drawn(*MEAN)
    return np.clip(ground, 0, 255, out=ground)


def _octaves(rng, roughness, size):
    """Return noise `(n, H, W)` of standard deviation one."""
    total = np.zeros((len(roughness), *size), dtype=np.float32)
    for octave in OCTAVES:
        rows, columns = (_knot_weights(rng, length, octave) for length in size)
        knots = rng.standard_normal(
            (len(roughness), rows.shape[1], columns.shape[1]), dtype=np.float32
        )
        total += np.float32(octave) ** roughness * (rows @ knots @ columns.T)
    total -= total.mean(axis=(1, 2), keepdims=True)
    return total / np.maximum(total.std(axis=(1, 2), keepdims=True), 1e-6)


def _knot_weights(rng, length, octave):
    """Return weights `(length, knots)`; where the first knot lies is drawn."""
    positions = (np.arange(length) + 0.5) / octave + rng.uniform(2, 3)
    return spline_weights(positions, int(positions[-1]) + 3)


def _gradients(angles, size):
    """Return planes `(n, H, W)` from about -1 to 1 that rise towards an angle."""
    y, x = (np.linspace(-1, 1, length, dtype=np.float32) for length in size)
    planes = np.sin(angles) * y[:, None] + np.cos(angles) * x
    return planes / np.sqrt(np.float32(2))
