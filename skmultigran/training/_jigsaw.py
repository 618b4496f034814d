"""Images whose patches are shuffled."""

from __future__ import annotations

import torch
from torch import Tensor


def jigsaw(images: Tensor, rows: int, columns: int) -> Tensor:
    """Cut each image into patches and put them together in an order of its own.

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W)
        The images.
    rows, columns : int
        Patches along each side, all of one size. Pixels that are left over stay where
        they are, half of them at each side.

    Returns
    -------
    Tensor of shape (B, C, H, W)
        New images; the order is drawn from torch's default generator.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.training import jigsaw
    >>> shuffled = jigsaw(torch.arange(9.0).reshape(1, 1, 3, 3), rows=3, columns=3)
    >>> sorted(shuffled.flatten().tolist()) == list(range(9))
    True
    """
    count, channels, full_height, full_width = images.shape
    height, width = full_height // rows, full_width // columns
    top, left = (full_height - rows * height) // 2, (full_width - columns * width) // 2
    inside = (
        ...,
        slice(top, top + rows * height),
        slice(left, left + columns * width),
    )
    patches = (
        images[inside]
        .reshape(count, channels, rows, height, columns, width)
        .permute(0, 2, 4, 1, 3, 5)
        .reshape(count, rows * columns, channels, height, width)
    )
    order = torch.rand(count, rows * columns).argsort(dim=1).to(images.device)
    shuffled = patches[torch.arange(count, device=images.device)[:, None], order]
    result = images.clone()
    result[inside] = (
        shuffled.reshape(count, rows, columns, channels, height, width)
        .permute(0, 3, 1, 4, 2, 5)
        .reshape(count, channels, rows * height, columns * width)
    )
    return result
