"""Where boxes may lie in a scene without covering each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def free_place(
    rng: np.random.Generator,
    shape: tuple[int, int],
    boxes: Sequence[tuple[int, int, int, int]],
    size: tuple[int, int],
    max_overlap: float,
) -> tuple[int, int] | None:
    """Draw one of all places where a new box may lie, each as likely as the others.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the randomness comes from.
    shape : tuple of int
        Height and width of the new box.
    boxes : sequence of tuple of int
        Left, top, right and bottom of the boxes that are there already.
    size : tuple of int
        Height and width of the scene.
    max_overlap : float
        The most that the new box may share with each of them, as a share of the
        smaller one's area.

    Returns
    -------
    tuple of int or None
        Top and left of the new box; None if there is no such place.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.datasets._placing import free_place
    >>> free_place(np.random.default_rng(0), (4, 4), [(0, 0, 2, 4)], (4, 6), 0.0)
    (0, 2)
    """
    height, width = shape
    tops = np.arange(size[0] - height + 1)
    lefts = np.arange(size[1] - width + 1)
    free = np.ones((len(tops), len(lefts)), dtype=bool)
    for left, top, right, bottom in boxes:
        rows = _shared(tops, height, top, bottom)
        columns = _shared(lefts, width, left, right)
        smaller = min(height * width, (bottom - top) * (right - left))
        free &= rows[:, None] * columns <= max_overlap * smaller
    places = np.flatnonzero(free)
    if not len(places):
        return None
    top, left = divmod(int(rng.choice(places)), len(lefts))
    return top, left


def _shared(starts, length, start, end):
    """Return what [start, end) shares with each [starts, starts + length)."""
    return np.clip(
        np.minimum(starts + length, end) - np.maximum(starts, start), 0, None
    )
