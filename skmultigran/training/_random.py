"""Randomness as an argument: what is global in torch stays as it was found."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Generator


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[Generator]:
    """Seed torch inside the block and leave its generators as found.

    Tensors are made as torch makes them by itself: float32 and with gradients, whatever
    has been set outside.

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
    with torch.random.fork_rng(devices=devices), _floats_with_gradients():
        torch.manual_seed(seed)
        yield Generator().manual_seed(seed)


@contextlib.contextmanager
def _floats_with_gradients() -> Iterator[None]:
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)
