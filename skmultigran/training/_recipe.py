"""The recipe of a training: optimizer, schedule, regularisation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from skmultigran._recipe import Recipe
from skmultigran._registry import TRAININGS
from skmultigran._support import Interval, StrOptions

_MOMENTUM = 0.9
_AUTO_WEIGHT_DECAY = {"adamw": 0.05, "sgd": 5e-4}


@TRAININGS.register("standard")
class Training(Recipe):
    """How the weights are learned, for `training=`.

    Parameters
    ----------
    optimizer : {"adamw", "sgd"}, default="adamw"
        AdamW [1]_, or SGD with Nesterov momentum 0.9.
    weight_decay : float or "auto", default="auto"
        Weight decay: decoupled for AdamW, an L2 penalty for SGD. Norms, biases and
        other one-dimensional parameters are spared. "auto": 0.05 for AdamW, 0.0005 for
        SGD.
    label_smoothing : float, default=0.1
        Probability of each label that is spread evenly over all classes, in [0, 1). It
        raises the accuracy of small data at the price of less confident probabilities.
    schedule : {"one_cycle", "constant"}, default="one_cycle"
        "one_cycle": a linear warm-up, then annealing to zero along a cosine.
    warm_up : float, default=0.2
        Fraction of the steps over which the learning rate rises, in [0, 1).

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization",
       ICLR 2019, arXiv 1711.05101.

    Examples
    --------
    >>> from skmultigran import MultiGranularityClassifier, Training
    >>> MultiGranularityClassifier(training=Training(label_smoothing=0.0))
    MultiGranularityClassifier(training=Training(label_smoothing=0.0))
    """

    _parameter_constraints = {
        "optimizer": [StrOptions({"adamw", "sgd"})],
        "weight_decay": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "schedule": [StrOptions({"one_cycle", "constant"})],
        "warm_up": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        optimizer: str = "adamw",
        weight_decay: float | str = "auto",
        label_smoothing: float = 0.1,
        schedule: str = "one_cycle",
        warm_up: float = 0.2,
    ) -> None:
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.schedule = schedule
        self.warm_up = warm_up

    def build_optimizer(
        self, parameters: Iterable[nn.Parameter], *, lr: float
    ) -> Optimizer:
        """Return a fresh optimizer.

        Parameters
        ----------
        parameters : iterable of torch.nn.Parameter
            What is learned.
        lr : float
            Largest learning rate.

        Returns
        -------
        torch.optim.Optimizer
            The optimizer, with parameters of one dimension spared from decay.
        """
        decayed: list[nn.Parameter] = []
        spared: list[nn.Parameter] = []
        for parameter in parameters:
            (decayed if parameter.ndim > 1 else spared).append(parameter)
        decay = (
            _AUTO_WEIGHT_DECAY[self.optimizer]
            if isinstance(self.weight_decay, str)
            else self.weight_decay
        )
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": decay},
            {"params": spared, "weight_decay": 0.0},
        ]
        if self.optimizer == "sgd":
            return torch.optim.SGD(groups, lr=lr, momentum=_MOMENTUM, nesterov=True)
        return torch.optim.AdamW(groups, lr=lr, fused=True)

    def lr_factor(self, progress: float) -> float:
        """Return the factor of the learning rate.

        Parameters
        ----------
        progress : float
            Fraction of the steps that are done, in [0, 1].

        Returns
        -------
        float
            A factor in [0, 1].
        """
        if self.schedule == "constant":
            return 1.0
        if progress < self.warm_up:
            return 0.05 + 0.95 * progress / self.warm_up
        annealed = (progress - self.warm_up) / (1 - self.warm_up)
        return 0.5 * (1 + math.cos(math.pi * annealed))
