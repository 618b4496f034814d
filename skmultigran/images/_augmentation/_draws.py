"""Random numbers for a batch: from the given generator, on the images' device."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def uniform(
    low: float, high: float, size: tuple[int, ...], generator: Generator, like: Tensor
) -> Tensor:
    """Return numbers of `size` between `low` and `high` where `like` is."""
    drawn = torch.rand(size, generator=generator, device=generator.device)
    return (low + (high - low) * drawn).to(like.device)


def whole(
    low: int, high: int, size: tuple[int, ...], generator: Generator, like: Tensor
) -> Tensor:
    """Return whole numbers of `size`, `low` to `high` inclusive, where `like` is."""
    drawn = torch.randint(
        low, high + 1, size, generator=generator, device=generator.device
    )
    return drawn.to(like.device)
