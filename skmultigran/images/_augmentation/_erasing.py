"""Random erasing: a rectangle of the image is hidden."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from skmultigran.images._augmentation._border import border_median
from skmultigran.images._augmentation._draws import uniform

# Zhong et al., "Random Erasing Data Augmentation", AAAI 2020, arXiv:1708.04896.
_PROBABILITY = 0.5
_SMALLEST_AREA, _LARGEST_AREA = 0.02, 0.4
_LARGEST_ASPECT = 1 / 0.3


def erase(images: Tensor, generator: Generator) -> Tensor:
    """Fill a rectangle of half of the images with the median of the border."""
    rectangles = _rectangles(images, generator)
    return torch.where(rectangles, border_median(images), images)


def _rectangles(images: Tensor, generator: Generator) -> Tensor:
    """Return which pixels are hidden, `(B, 1, H, W)`."""
    batch = (len(images), 1)
    chosen = uniform(0, 1, batch, generator, images) < _PROBABILITY
    area = uniform(_SMALLEST_AREA, _LARGEST_AREA, batch, generator, images)
    bend = math.log(_LARGEST_ASPECT)
    aspect = torch.exp(uniform(-bend, bend, batch, generator, images))
    down, right = uniform(0, 1, (2, *batch), generator, images)
    height, width = images.shape[-2:]
    rows = _span(height, (area / aspect).sqrt(), down)
    columns = _span(width, (area * aspect).sqrt(), right)
    hidden = (rows & chosen)[:, :, None] & columns[:, None, :]
    return hidden[:, None]


def _span(size: int, share: Tensor, place: Tensor) -> Tensor:
    """Return which positions lie in a span of a share of `size`, `(B, size)`."""
    length = (size * share).round().clamp(1, size)
    start = (place * (size - length + 1)).floor()
    positions = torch.arange(size, device=share.device)
    return (positions >= start) & (positions < start + length)
