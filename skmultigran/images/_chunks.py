"""Slices that walk over an array in pieces of bounded size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

_VALUES_PER_CHUNK = 2**22


def chunks(shape: Sequence[int]) -> Iterator[slice]:
    """Yield slices over the first axis, of some four million values each.

    Parameters
    ----------
    shape : sequence of int
        Shape of the array to walk over.

    Yields
    ------
    slice
        Consecutive rows; together all of them.
    """
    step = max(1, _VALUES_PER_CHUNK // max(1, math.prod(shape[1:])))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))
