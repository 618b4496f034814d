"""The border of an image, which tells what its ground most likely is."""

from __future__ import annotations

import torch
from torch import Tensor


def border_median(images: Tensor) -> Tensor:
    """Return the median of each image's border, `(B, C, 1, 1)`: its likely ground."""
    sides = [
        images[:, :, [0, -1]].flatten(2),
        images[:, :, 1:-1, [0, -1]].flatten(2),
    ]
    return torch.cat(sides, dim=2).median(dim=2).values[..., None, None]
