"""As many threads as the work is worth."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

Result = TypeVar("Result")

# Below this many pixels per thread, threads wait for each other more than they work.
_PIXELS_PER_THREAD = 2**14

# `torch.set_num_threads` sets two numbers: that of the calling thread, and the default
# of threads that have not used torch yet. The lock is held until the default is what
# it was, so that nobody takes over the lower number.
_LOCK = threading.Lock()


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
        Afterwards torch has the number of threads it had before. Other threads of
        Python keep theirs all the time.
    """
    with _LOCK:
        before = torch.get_num_threads()
    number = max(1, min(before, pixels // _PIXELS_PER_THREAD))
    if number == before:
        yield
        return
    with _LOCK:
        default = _in_new_thread(torch.get_num_threads)
        _set_for_this_thread(number, default)
    try:
        yield
    finally:
        with _LOCK:
            _set_for_this_thread(before, default)


def _set_for_this_thread(number: int, default: int) -> None:
    torch.set_num_threads(number)
    if number != default:
        _in_new_thread(lambda: torch.set_num_threads(default))


def _in_new_thread(function: Callable[[], Result]) -> Result:
    """Return what a function gives in a thread that has not used torch yet."""
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]
