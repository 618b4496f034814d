"""As many threads as the work is worth."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

# Below this many pixels per thread, threads wait for each other more than they work.
_PIXELS_PER_THREAD = 2**14


@contextlib.contextmanager
def threads_for(pixels: int) -> Iterator[None]:
    """Use at most as many threads as a batch keeps busy.

    Batches of tiny images are so quick that threads mostly wait for each other; where
    another process is busy too, two threads can take several times as long as one.

    Parameters
    ----------
    pixels : int
        Pixels of one batch.

    Yields
    ------
    None
        Afterwards torch has the number of threads it had before.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(before, pixels // _PIXELS_PER_THREAD)))
    try:
        yield
    finally:
        torch.set_num_threads(before)
