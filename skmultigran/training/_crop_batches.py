"""Batches of random crops, with the masks or boxes that belong to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Generator, Tensor

from skmultigran.images import Boxes, CropSource, JointAugmentation, Masks
from skmultigran.training._batches import Batch, TrainingBatches, batch_bounds


class Crops(Protocol):
    """What is cropped: images, or maps of a frozen backbone in their place."""

    @property
    def image_size(self) -> tuple[int, int]:
        """`(height, width)` of the crops."""

    def __len__(self) -> int: ...

    def random_corners(self, positions: np.ndarray, generator: Generator) -> np.ndarray:
        """Draw where crops begin; see `CropSource.random_corners`."""

    def crops(self, positions: np.ndarray, corners: np.ndarray) -> Tensor:
        """Return the crops; see `CropSource.crops`."""


class CropBatches(TrainingBatches):
    """Shuffled, augmented batches of one random crop per image and epoch.

    Parameters
    ----------
    source : CropSource
        The images, or what stands for them.
    annotations : Masks or Boxes
        What belongs to them.
    weights : ndarray of float32 of shape (n,)
        Weights with mean one.
    batch_size : int
        Images per batch at most; batches of an epoch have nearly the same size.
    augmentation : JointAugmentation
        Random changes of images and annotations.
    generator : torch.Generator
        Source of the order, of the crops and of the changes.
    """

    def __init__(
        self,
        source: CropSource | Crops,
        annotations: Masks | Boxes,
        weights: np.ndarray,
        *,
        batch_size: int,
        augmentation: JointAugmentation,
        generator: Generator,
    ) -> None:
        self.crop_source = source
        self.source = source  # type: ignore[assignment]
        self.annotations = annotations
        self.weights = torch.from_numpy(weights)
        self.batch_size = batch_size
        self.joint = augmentation
        self.generator = generator

    def __iter__(self) -> Iterator[Batch]:
        source = self.crop_source
        order = torch.randperm(len(source), generator=self.generator).numpy()
        for start, stop in batch_bounds(len(order), self.batch_size):
            positions = order[start:stop]
            corners = source.random_corners(positions, self.generator)
            images = source.crops(positions, corners)
            batch = self.annotations.crops(positions, corners, source.image_size)
            images, batch = self.joint.together(images, batch, self.generator)
            yield images, (batch, self.weights[torch.from_numpy(positions)])
