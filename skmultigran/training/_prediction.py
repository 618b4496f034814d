"""Outputs of a network, in padded batches of one fixed size."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from skmultigran.images import ImageSource
from skmultigran.training._rows import RowSource
from skmultigran.training._threads import threads_for

_PIXELS_PER_BATCH = 2**17
_LARGEST_BATCH = 128
# A batch of so many pixels takes hardly longer than a smaller one.
_FEWEST_PIXELS = 2**10


def prediction_batch_size(image_size: tuple[int, int]) -> int:
    """Return how many images are looked at together.

    Parameters
    ----------
    image_size : tuple of int
        `(height, width)` of the images.

    Returns
    -------
    int
        As many as have some 130,000 pixels in all, between 1 and 128.
    """
    return max(1, min(_LARGEST_BATCH, _PIXELS_PER_BATCH // math.prod(image_size)))


@torch.inference_mode()
def predict_outputs(
    function: Callable[[Tensor], Tensor],
    source: ImageSource | RowSource,
    device: str,
    *,
    one_size: bool = False,
) -> Tensor:
    """Return the outputs of all images.

    Batches are padded, because the kernels, and with them the last bits of the result,
    can depend on the number of images.

    Parameters
    ----------
    function : callable
        Images `(B, C, H, W)`, or rows, to outputs `(B, n_outputs)`: a network in
        evaluation mode, or a part of one.
    source : ImageSource or RowSource
        The images, or rows that stand for them.
    device : str
        Where the network lives.
    one_size : bool, default=False
        Whether every batch is padded to the same size, so that the same image gives the
        same bits in any company. Otherwise a few images are padded to the next power of
        two, which takes less time and changes at most the last bits.

    Returns
    -------
    Tensor of float32 of shape (n, n_outputs)
        The outputs, on the CPU.
    """
    size = prediction_batch_size(source.image_size)
    if not one_size:
        size = fitting_batch_size(len(source), source.image_size)
    outputs = []
    with threads_for(size * math.prod(source.image_size)):
        for start in range(0, len(source), size):
            indices = np.arange(start, min(start + size, len(source)))
            padded = padded_batch(source.gather(indices), size)
            outputs.append(function(padded.to(device))[: len(indices)].float().cpu())
    return torch.cat(outputs)


def fitting_batch_size(n: int, image_size: tuple[int, int]) -> int:
    """Return the size that batches are padded to, for so many images.

    Parameters
    ----------
    n : int
        Number of images in all.
    image_size : tuple of int
        Their `(height, width)`.

    Returns
    -------
    int
        `prediction_batch_size`, for a few images the next power of two.
    """
    fewest = _FEWEST_PIXELS // math.prod(image_size)
    size = _next_power_of_two(max(fewest, n))
    return min(prediction_batch_size(image_size), size)


def _next_power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()


def padded_batch(images: Tensor, size: int) -> Tensor:
    """Return a batch of `size` images, zeros after those given.

    Always a new tensor: a single channel is channels last in two layouts, and the
    kernels depend on the layout too.

    Parameters
    ----------
    images : Tensor of shape (b, C, H, W) or (b, n_columns)
        Images or rows, `size` at most.
    size : int
        Number of images of the batch.

    Returns
    -------
    Tensor of shape (size, ...)
        The batch.
    """
    layout = torch.channels_last if images.ndim == 4 else torch.contiguous_format
    padded = torch.empty(
        (size, *images.shape[1:]),
        dtype=images.dtype,
        memory_format=layout,
        device=images.device,
    )
    padded[: len(images)] = images
    padded[len(images) :] = 0
    return padded
