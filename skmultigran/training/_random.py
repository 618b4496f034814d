"""Randomness as an argument: the global generators stay as they were found."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Generator


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[Generator]:
    """Seed torch inside the block and leave its generators as found.

    Parameters
    ----------
    seed : int
        Seed of initialisation and dropout.

    Yields
    ------
    torch.Generator
        A generator of its own for the order of images and for augmentation.
    """
    devices = (
        list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    )
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield Generator().manual_seed(seed)
