"""Predictions that end for each image as soon as its answer is sure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

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


class _Stages(Protocol):
    def __len__(self) -> int: ...

    def look(self, stage: int, seen: _Seen) -> tuple[Tensor, _Seen]: ...


@torch.inference_mode()
def predict_until_sure(
    stages: _Stages,
    source: ImageSource,
    device: str,
    is_sure: Callable[[Tensor], Tensor],
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
    together = _BATCHES_TOGETHER * prediction_batch_size(source.image_size)
    starts = range(0, len(source), together)
    parts = [
        _of_some(
            stages,
            source,
            np.arange(s, min(s + together, len(source))),
            device,
            is_sure,
        )
        for s in starts
    ]
    outputs, ends = zip(*parts, strict=True)
    return torch.cat(outputs), np.concatenate(ends)


def _of_some(stages, source, positions, device, is_sure):
    ends = np.full(len(positions), len(stages) - 1)
    left = torch.arange(len(positions))
    seen = {"images": source.gather(positions)}
    outputs = None
    for stage in range(len(stages)):
        if not len(left):
            break
        answers, sure, seen = _stage(
            stages, stage, seen, source.image_size, device, is_sure
        )
        if outputs is None:
            outputs = answers.new_empty((len(positions), answers.shape[1]))
        outputs[left] = answers
        ends[left] = stage
        left = left[~sure]
    return outputs, ends


def _stage(stages, stage, seen, image_size, device, is_sure):
    n = len(next(iter(seen.values())))
    size = fitting_batch_size(n, image_size)
    answers, sures, rests = [], [], []
    with threads_for(size * math.prod(image_size)):
        for start in range(0, n, size):
            batch = {name: part[start : start + size] for name, part in seen.items()}
            k = min(size, n - start)
            batch = {
                name: padded_batch(part, size).to(device)
                for name, part in batch.items()
            }
            answer, after = stages.look(stage, batch)
            answer = answer[:k].float().cpu()
            sure = is_sure(answer)
            keep = (~sure).nonzero()[:, 0].to(device)
            rests.append({name: part[keep] for name, part in after.items()})
            answers.append(answer)
            sures.append(sure)
    seen = {name: torch.cat([rest[name] for rest in rests]) for name in rests[0]}
    return torch.cat(answers), torch.cat(sures), seen
