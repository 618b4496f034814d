"""As many threads as the work is worth."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

# Below this many pixels per thread, threads wait for each other more than they work.
_PIXELS_PER_THREAD = 2**14

# `torch.set_num_threads` sets two numbers: that of the calling thread, and the default
# of threads that have not used torch yet. The lock is held until the default is what
# it was, so that nobody takes over the lower number.
_LOCK = threading.Lock()
_outermost = threading.local()


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
    nested = hasattr(_outermost, "number")
    if not nested:
        _outermost.number = before
    _set_for_this_thread(number)
    try:
        yield
    finally:
        _set_for_this_thread(before)
        if not nested:
            del _outermost.number


def _set_for_this_thread(number: int) -> None:
    """Set the number of this thread; new ones get what this one has outside."""
    with _LOCK:
        torch.set_num_threads(number)
        if number != _outermost.number:
            default = _outermost.number
            _other_thread().submit(torch.set_num_threads, default).result()


@functools.cache
def _other_thread() -> ThreadPoolExecutor:
    # Starting a thread each time would take longer than small predictions.
    return ThreadPoolExecutor(1, thread_name_prefix="skmultigran-threads")


def _after_fork() -> None:
    # Threads do not survive in a forked process, and the lock may have been held.
    global _LOCK
    _LOCK = threading.Lock()
    _other_thread.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
