"""What each place of each map adds to an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def map_evidence(
    answer: Callable[[list[Tensor]], Tensor], maps: Sequence[Tensor], n_steps: int
) -> list[Tensor]:
    """Return the integrated gradients of an answer along the way from empty maps.

    Parameters
    ----------
    answer : callable
        Maps to one number per image, (B,).
    maps : sequence of Tensor of shape (B, C_l, H_l, W_l)
        The maps of all granularities.
    n_steps : int
        Points of the Gauss-Legendre rule, at which gradients are taken.

    Returns
    -------
    list of Tensor of shape (B, H_l, W_l)
        Gradients times values, summed over channels.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    totals = [torch.zeros_like(map_) for map_ in maps]
    for share, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        partial = [(map_ * share).requires_grad_() for map_ in maps]
        with torch.enable_grad():
            gradients = torch.autograd.grad(answer(partial).sum(), partial)
        for total, gradient in zip(totals, gradients, strict=True):
            total.add_(gradient, alpha=weight)
    return [(total * map_).sum(1) for total, map_ in zip(totals, maps, strict=True)]


def spread(values: Tensor, stride: float, size: tuple[int, int]) -> Tensor:
    """Return numbers of a map's pixels, spread over those of the image.

    Parameters
    ----------
    values : Tensor of shape (B, h, w)
        Numbers.
    stride : float
        Pixels of the image per pixel of the map.
    size : tuple of int
        `(height, width)` of the image.

    Returns
    -------
    Tensor of shape (B, *size)
        Linear between the map's pixels; the sum of each image stays the same.
    """
    rows, columns = (
        _axis_weights(count, stride, side).to(values)
        for count, side in zip(values.shape[-2:], size, strict=True)
    )
    return rows @ values @ columns.T


def _axis_weights(count: int, stride: float, side: int) -> Tensor:
    """Return (side, count): how much of each pixel of a map each pixel gets."""
    eye = torch.eye(count, dtype=torch.float64)[None]  # (1, count, count)
    # A map covers whole strides, the last of which may reach beyond the image.
    covered = max(side, round(count * stride))
    if covered < count:
        weights = functional.adaptive_avg_pool1d(eye, covered)
    else:
        weights = functional.interpolate(eye, covered, mode="linear")
    weights = weights[0, :, :side].T
    return weights / weights.sum(dim=0)
