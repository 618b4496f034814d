"""Predictions that end for each image as soon as its answer is sure."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from skmultigran.images import ImageSource
from skmultigran.training._prediction import (
    fitting_batch_size,
    padded_batch,
    prediction_batch_size,
)
from skmultigran.training._threads import threads_for

# Images that are still unsure fill up batches; what was seen of so many is in memory.
_BATCHES_TOGETHER = 16

_Seen = dict[str, Tensor]
_IsSure = Callable[[Tensor], Tensor]


class _Rows(NamedTuple):
    """What is known of images as rows, which are quick to choose from."""

    rows: dict[str, Tensor]
    shapes: dict[str, torch.Size]

    @classmethod
    def of(cls, seen: _Seen, chosen: Tensor) -> _Rows:
        rows = {name: _as_rows(part)[chosen] for name, part in seen.items()}
        return cls(rows, {name: part.shape[1:] for name, part in seen.items()})

    @classmethod
    def joined(cls, parts: Sequence[_Rows]) -> _Rows:
        names = parts[0].rows
        rows = {name: torch.cat([part.rows[name] for part in parts]) for name in names}
        return cls(rows, parts[0].shapes)

    def batch(self, start: int, end: int, size: int) -> _Seen:
        """Return some images as a network takes them, and zeros after them."""
        return {
            name: _as_maps(_padded(rows[start:end], size), self.shapes[name])
            for name, rows in self.rows.items()
        }


class _Found(NamedTuple):
    """Answers of a stage, which of them are sure, and what is known of the others."""

    outputs: Tensor
    sure: Tensor
    unsure: _Rows


class _Stages(Protocol):
    def __len__(self) -> int: ...

    def look(self, stage: int, seen: _Seen) -> tuple[Tensor, _Seen]: ...


@torch.inference_mode()
def predict_until_sure(
    stages: _Stages,
    source: ImageSource,
    device: str,
    is_sure: _IsSure,
) -> tuple[Tensor, np.ndarray]:
    """Return for each image the first answer that is sure, or else the last.

    What is sure is not looked at any more: later stages see the others only, in padded
    batches like those of `predict_outputs`.

    Parameters
    ----------
    stages : Stages
        The stages of a network in evaluation mode.
    source : ImageSource
        The images.
    device : str
        Where the network lives.
    is_sure : callable
        Outputs `(b, n_outputs)` to booleans `(b,)`.

    Returns
    -------
    outputs : Tensor of float32 of shape (n, n_outputs)
        The answers, on the CPU.
    ends : ndarray of int of shape (n,)
        Number of the stage that each answer is of.
    """
    look = functools.partial(_look, stages, is_sure, device, source.image_size)
    together = _BATCHES_TOGETHER * prediction_batch_size(source.image_size)
    positions = np.arange(len(source))
    parts = [
        _until_sure(look, len(stages), source.gather(positions[start:][:together]))
        for start in range(0, len(source), together)
    ]
    outputs, ends = zip(*parts, strict=True)
    return torch.cat(outputs), torch.cat(ends).numpy()


def _until_sure(
    look: Callable[[int, _Rows], _Found], n_stages: int, images: Tensor
) -> tuple[Tensor, Tensor]:
    left = torch.arange(len(images))
    found = look(0, _Rows.of({"images": images}, left))
    outputs, ends = found.outputs, torch.zeros_like(left)
    for stage in range(1, n_stages):
        left = left[~found.sure]
        if not len(left):
            break
        found = look(stage, found.unsure)
        outputs[left], ends[left] = found.outputs, stage
    return outputs, ends


def _look(
    stages: _Stages,
    is_sure: _IsSure,
    device: str,
    image_size: tuple[int, int],
    stage: int,
    known: _Rows,
) -> _Found:
    """Look at one stage of some images, in padded batches."""
    n, largest = len(known.rows["images"]), prediction_batch_size(image_size)
    parts = []
    with threads_for(largest * math.prod(image_size)):
        for start in range(0, n, largest):
            end = min(start + largest, n)
            batch = known.batch(start, end, fitting_batch_size(end - start, image_size))
            batch = {name: part.to(device) for name, part in batch.items()}
            outputs, seen = stages.look(stage, batch)
            outputs = outputs[: end - start].float().cpu()
            sure = is_sure(outputs)
            unsure = (~sure).nonzero()[:, 0].to(device)
            parts.append(_Found(outputs, sure, _Rows.of(seen, unsure)))
    every_outputs, every_sure, every_unsure = zip(*parts, strict=True)
    return _Found(
        torch.cat(every_outputs), torch.cat(every_sure), _Rows.joined(every_unsure)
    )


def _as_rows(part: Tensor) -> Tensor:
    """Return rows, of maps channel after channel as their memory is."""
    return (part.permute(0, 2, 3, 1) if part.ndim == 4 else part).flatten(1)


def _as_maps(rows: Tensor, shape: torch.Size) -> Tensor:
    if len(shape) != 3:
        return rows.unflatten(1, shape)
    channels, height, width = shape
    return rows.unflatten(1, (height, width, channels)).permute(0, 3, 1, 2)


def _padded(rows: Tensor, size: int) -> Tensor:
    return rows if len(rows) == size else padded_batch(rows, size)
