"""Batches of several tasks, whose masks move together with the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from skmultigran.images import IGNORED, JointAugmentation, Masks
from skmultigran.training._batches import Batch, TrainingBatches, batch_bounds


class MaskLayers:
    """Several masks per image, moved together; see `Masks`."""

    @staticmethod
    def moved(batch: Tensor, matrices: Tensor) -> Tensor:
        """Return masks `(B, k, h, w)` moved as their images were; see `Masks.moved`."""
        layers = [Masks.moved(layer, matrices) for layer in batch.unbind(dim=1)]
        return torch.stack(layers, dim=1)

    @staticmethod
    def to_tv(annotation: Tensor, size: tuple[int, int]) -> Any:
        """Return masks `(k, h, w)` as transforms know them; see `Masks.to_tv`."""
        return Masks.to_tv(annotation, size)

    @staticmethod
    def from_tv(value: Any, like: Tensor) -> Tensor:
        """Return masks from what `to_tv` made; see `Masks.from_tv`."""
        return Masks.from_tv(value, like)


class TaskBatches(TrainingBatches):
    """Shuffled batches whose targets hold masks, augmented together with the images.

    Parameters
    ----------
    *args : object
        Those of `TrainingBatches`.
    mask_columns : list of slice
        Which columns of the targets are the pixels of a mask.
    **kwargs : object
        Those of `TrainingBatches`; `augmentation` is a `JointAugmentation`.
    """

    augmentation: JointAugmentation

    def __init__(self, *args: Any, mask_columns: list[slice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mask_columns = mask_columns

    def __iter__(self) -> Iterator[Batch]:
        order = torch.randperm(len(self.source), generator=self.generator)
        for start, stop in batch_bounds(len(order), self.batch_size):
            indices = order[start:stop]
            images = self.source.gather(indices.numpy())
            images, targets = self._together(images, self.targets[indices])
            yield images, (targets, self.weights[indices])

    def _together(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return images and targets, changed together."""
        layers = [targets[:, columns] for columns in self.mask_columns]
        codes = torch.stack(layers, dim=1).nan_to_num(IGNORED).long()
        codes = codes.unflatten(2, images.shape[-2:])
        images, codes = self.augmentation.together(images, codes, self.generator)
        for number, columns in enumerate(self.mask_columns):
            moved = codes[:, number].flatten(1).to(targets)
            # A mask that is not known stays so.
            targets[:, columns] = moved.where(~layers[number].isnan(), torch.nan)
        return images, targets
