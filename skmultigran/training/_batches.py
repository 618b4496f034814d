"""Batches of images, targets and weights, in a new order each epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Generator, Tensor

from skmultigran.images import Augmentation, ImageSource
from skmultigran.training._rows import RowSource

Batch = tuple[Tensor, tuple[Tensor, Tensor]]


class TrainingBatches:
    """Shuffled, augmented batches; each iteration is one epoch.

    Parameters
    ----------
    source : ImageSource or RowSource
        The images, or rows that stand for them.
    targets : ndarray of shape (n, ...)
        Encoded answers.
    weights : ndarray of float32 of shape (n,)
        Weights with mean one.
    batch_size : int
        Images per batch at most; batches of an epoch have nearly the same size.
    augmentation : Augmentation
        Random changes of the images.
    generator : torch.Generator
        Source of the order and of the changes.
    """

    def __init__(
        self,
        source: ImageSource | RowSource,
        targets: np.ndarray,
        weights: np.ndarray,
        *,
        batch_size: int,
        augmentation: Augmentation,
        generator: Generator,
    ) -> None:
        self.source = source
        self.targets = torch.from_numpy(targets)
        self.weights = torch.from_numpy(weights)
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.generator = generator

    @property
    def n_pixels(self) -> int:
        """Number of pixels of one batch."""
        return self.batch_size * math.prod(self.source.image_size)

    def __len__(self) -> int:
        return len(batch_bounds(len(self.source), self.batch_size))

    def __iter__(self) -> Iterator[Batch]:
        order = torch.randperm(len(self.source), generator=self.generator)
        for start, stop in batch_bounds(len(order), self.batch_size):
            indices = order[start:stop]
            images = self.source.gather(indices.numpy())
            images = self.augmentation(images, self.generator)
            yield images, (self.targets[indices], self.weights[indices])


def batch_bounds(n: int, batch_size: int) -> list[tuple[int, int]]:
    """Return where batches start and stop, all of nearly the same size.

    A few images left over for a last batch would have norm statistics of their own, and
    one step per epoch in a wrong direction costs accuracy; a batch norm even refuses a
    single value per channel.

    Parameters
    ----------
    n : int
        Number of images.
    batch_size : int
        Images per batch at most; one more where a single image would be left.

    Returns
    -------
    list of (int, int)
        Bounds that cover `range(n)` in order.
    """
    count = math.ceil(n / batch_size)
    if batch_size > 1:
        count = max(1, min(count, n // 2))
    edges = [n * i // count for i in range(count + 1)]
    return list(pairwise(edges))
