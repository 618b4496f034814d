"""Mean and standard deviation per channel, streaming and weighted."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_SMALLEST_STD = 1e-6


def channel_statistics(
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each channel.

    Parameters
    ----------
    batches : iterable of (ndarray of shape (b, h, w, c), ndarray of shape (b,))
        Images and their weights; at least one positive weight in all.

    Returns
    -------
    mean, std : ndarray of shape (c,)
        In float64. A channel that never changes has standard deviation 1.

    Notes
    -----
    Chunks are merged by the pairwise update of Chan, Golub and LeVeque (1979), which
    does not lose digits where the mean is large beside the spread.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import channel_statistics
    >>> images = np.array([0.0, 1.0]).reshape(2, 1, 1, 1)
    >>> mean, std = channel_statistics([(images, np.array([1.0, 3.0]))])
    >>> mean, std.round(3)
    (array([0.75]), array([0.433]))
    """
    total = 0.0
    mean: np.ndarray = np.zeros(1)
    squares: np.ndarray = np.zeros(1)
    for images, weights in batches:
        values = images.reshape(len(images), -1, images.shape[-1]).astype(np.float64)
        weights = weights.astype(np.float64)
        weight = float(weights.sum()) * values.shape[1]
        if weight == 0:
            continue
        batch_mean = np.tensordot(weights, values.sum(axis=1), axes=1) / weight
        deviations = ((values - batch_mean) ** 2).sum(axis=1)
        delta = batch_mean - mean
        mean = mean + delta * weight / (total + weight)
        squares = squares + np.tensordot(weights, deviations, axes=1)
        squares = squares + delta**2 * total * weight / (total + weight)
        total += weight
    std = np.sqrt(squares / total)
    return mean, np.where(std > _SMALLEST_STD, std, 1.0)
