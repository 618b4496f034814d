"""The loop over epochs: train, validate, tell, stop."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skmultigran.images import ImageSource
from skmultigran.training._batches import TrainingBatches
from skmultigran.training._depthwise import depthwise_in_float32
from skmultigran.training._early_stopping import EarlyStopping
from skmultigran.training._folding import folded, held_norms_folded
from skmultigran.training._net import TrainingNet
from skmultigran.training._prediction import predict_outputs
from skmultigran.training._rows import RowSource
from skmultigran.training._strided import strides_taken_first
from skmultigran.training._threads import threads_for

Epoch = dict[str, Any]


@dataclass(frozen=True)
class Validation:
    """Images that are looked at after every epoch but never learned from.

    Parameters
    ----------
    source : ImageSource or RowSource
        The images, or rows that stand for them.
    targets : ndarray of shape (n, ...)
        Encoded answers.
    weights : ndarray of float32 of shape (n,)
        Weights of the images.
    losses, scores : callable
        `(outputs, targets)` to one loss or score per image.
    """

    source: ImageSource | RowSource
    targets: np.ndarray
    weights: np.ndarray
    losses: Callable[[Tensor, Tensor], Tensor]
    scores: Callable[[Tensor, Tensor], Tensor]

    def evaluate(self, net: TrainingNet) -> Epoch:
        """Return the weighted mean loss and score of the net.

        Parameters
        ----------
        net : TrainingNet
            The net.

        Returns
        -------
        dict
            `valid_loss` and `valid_score`.
        """
        network = folded(net.judged_module.eval())
        outputs = predict_outputs(network, self.source, net.device)
        targets, weights = (
            torch.from_numpy(self.targets),
            torch.from_numpy(self.weights),
        )
        means = {
            "valid_loss": self.losses(outputs, targets),
            "valid_score": self.scores(outputs, targets),
        }
        total = weights.sum()
        return {
            name: float((values * weights).sum() / total)
            for name, values in means.items()
        }


def train(
    net: TrainingNet,
    batches: TrainingBatches,
    *,
    max_epochs: int,
    validation: Validation | None = None,
    early_stopping: EarlyStopping | None = None,
    begin_epoch: Callable[[int], None] = lambda number: None,
    end_epoch: Callable[[Epoch], bool] = lambda epoch: False,
) -> list[Epoch]:
    """Train for up to `max_epochs` epochs.

    Stopping early is an ordinary end of the loop; a KeyboardInterrupt is not caught.

    Parameters
    ----------
    net : TrainingNet
        The net; it is in evaluation mode afterwards.
    batches : TrainingBatches
        What it learns from.
    max_epochs : int
        Number of epochs at most.
    validation : Validation or None, default=None
        What it is judged on after each epoch.
    early_stopping : EarlyStopping or None, default=None
        When to stop; its best weights are restored at the end. Needs `validation`,
        whose images are whole: epochs count once those of training are, too.
    begin_epoch : callable, default: nothing
        Called with the number of the epoch, from 1.
    end_epoch : callable, default: nothing
        Called with the epoch's entry of the history; returns whether to stop.

    Returns
    -------
    list of dict
        One entry per epoch: `epoch`, `train_loss`, `lr`, `seconds` and, with
        validation, `valid_loss` and `valid_score`.
    """
    history: list[Epoch] = []
    with net.averaged(), _other_ways(net, batches):
        for number in range(1, max_epochs + 1):
            begin_epoch(number)
            epoch = _run_epoch(net, batches, number, validation)
            history.append(epoch)
            asked = end_epoch(epoch)
            stopped = (
                early_stopping is not None
                and net.shows_whole_images
                and early_stopping.update(
                    epoch["valid_loss"], number, net.judged_module
                )
            )
            if asked or stopped:
                break
    if early_stopping is not None:
        early_stopping.restore(net.module_)
    net.module_.eval()
    return history


@contextlib.contextmanager
def _other_ways(net: TrainingNet, batches: TrainingBatches) -> Iterator[None]:
    """Train the same network by other ways: quicker ones, and one that is safe."""
    with contextlib.ExitStack() as ways:
        if not isinstance(batches.source, RowSource):
            ways.enter_context(strides_taken_first(net.module_))
            # After it, so that the folded weights reach it.
            ways.enter_context(held_norms_folded(net.module_))
        if net.precision == "bfloat16":
            ways.enter_context(depthwise_in_float32(net.module_))
        yield


def _run_epoch(
    net: TrainingNet,
    batches: TrainingBatches,
    number: int,
    validation: Validation | None,
) -> Epoch:
    start = time.perf_counter()
    with threads_for(batches.n_pixels):
        net.fit_loop(batches, epochs=1)
    epoch = {
        "epoch": number,
        "train_loss": float(net.history[-1, "train_loss"]),
        "lr": float(net.optimizer_.param_groups[0]["lr"]),
    }
    _check_finite(net, number, epoch["train_loss"])
    if validation is not None:
        epoch |= validation.evaluate(net)
    return epoch | {"seconds": time.perf_counter() - start}


def _check_finite(net: TrainingNet, number: int, loss: float) -> None:
    """Raise if the loss or a weight is no number any more, of which none comes back."""
    weights = (part.detach().sum() for part in net.module_.parameters())
    if math.isfinite(loss) and all(bool(weight.isfinite()) for weight in weights):
        return
    raise ValueError(
        f"Training diverged: after epoch {number} with lr={net.lr:g} the loss is "
        f"{loss:g}, and weights are infinite or NaN. Take a smaller lr; lr='auto' is "
        "made for ordinary images and answers."
    )
