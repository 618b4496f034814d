"""The recipe of a training: optimizer, schedule, regularisation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from skmultigran._recipe import Recipe
from skmultigran._registry import TRAININGS
from skmultigran._support import Interval, StrOptions

_MOMENTUM = 0.9
# Until which fraction of the steps images have which fraction of their size. Few sizes:
# the kernels are prepared anew for each.
_COARSE_TO_FINE = ((0.3, 0.6), (0.6, 0.8))
_AUTO_WEIGHT_DECAY = {"adamw": 0.3, "sgd": 5e-4}


@TRAININGS.register("standard")
class Training(Recipe):
    """Training by gradient descent: optimizer, schedule and regularisation.

    Registered as "standard".

    Parameters
    ----------
    optimizer : {"adamw", "sgd"}, default="adamw"
        AdamW [1]_, or SGD with Nesterov momentum 0.9.
    weight_decay : float or "auto", default="auto"
        Weight decay: decoupled for AdamW, an L2 penalty for SGD. Not applied to norms,
        biases and other one-dimensional parameters. "auto": 0.3 for AdamW, 0.0005 for
        SGD.
    label_smoothing : float, default=0.1
        Probability of each label that is spread evenly over all classes, in [0, 1). It
        improves the accuracy on small data sets at the cost of less confident
        probabilities.
    schedule : {"one_cycle", "constant"}, default="one_cycle"
        Schedule of the learning rate. "one_cycle": linear warm-up, then cosine
        annealing to zero.
    warm_up : float, default=0.2
        Fraction of the steps in which the learning rate rises, in [0, 1).
    backbone_lr_scale : float or "auto", default="auto"
        Factor of the learning rate of the backbone. "auto": 0.1 for pretrained weights,
        which only small steps preserve, and 1 otherwise.
    freeze_epochs : int, default=0
        Number of epochs at the start in which the backbone is not trained, so that the
        untrained layers after it do not disturb it.
    averaging : float or None, default=None
        Decay per step, in (0, 1), of a moving average of the weights, which replaces
        them at the end; None: the last weights are used. Useful if the learning rate is
        not annealed to zero.
    mixup : float, default=0.0
        Each image and its target are mixed with those of another image of the batch
        [2]_; the proportion, one per batch, is drawn from Beta(mixup, mixup). Useful
        for few images and many epochs, for example with 0.4. 0: no mixing.
    size_schedule : {"constant", "coarse_to_fine"}, default="constant"
        "coarse_to_fine": images are reduced to 0.6 times their size at first, later to
        0.8, and have full size in the last 0.4 of the steps, which takes 0.7 of the
        time [3]_. Early stopping considers only epochs with full size. Only for
        predictions about whole images.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization",
       ICLR 2019, arXiv 1711.05101.
    .. [2] H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018,
       arXiv 1710.09412.
    .. [3] M. Tan and Q. V. Le, "EfficientNetV2: Smaller Models and Faster Training",
       ICML 2021, arXiv 2104.00298.

    Examples
    --------
    >>> from skmultigran import MultiGranularityClassifier, Training
    >>> MultiGranularityClassifier(training=Training(label_smoothing=0.0))
    MultiGranularityClassifier(training=Training(label_smoothing=0.0))
    """

    # Whether each stage of the network takes steps of its own.
    progressive = False
    # Whether the head is solved instead of trained.
    closed_form = False

    _parameter_constraints = {
        "optimizer": [StrOptions({"adamw", "sgd"})],
        "weight_decay": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "schedule": [StrOptions({"one_cycle", "constant"})],
        "warm_up": [Interval(Real, 0, 1, closed="left")],
        "backbone_lr_scale": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
        "freeze_epochs": [Interval(Integral, 0, None, closed="left")],
        "averaging": [Interval(Real, 0, 1, closed="neither"), None],
        "mixup": [Interval(Real, 0, None, closed="left")],
        "size_schedule": [StrOptions({"constant", "coarse_to_fine"})],
    }

    def __init__(
        self,
        *,
        optimizer: str = "adamw",
        weight_decay: float | str = "auto",
        label_smoothing: float = 0.1,
        schedule: str = "one_cycle",
        warm_up: float = 0.2,
        backbone_lr_scale: float | str = "auto",
        freeze_epochs: int = 0,
        averaging: float | None = None,
        mixup: float = 0.0,
        size_schedule: str = "constant",
    ) -> None:
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.schedule = schedule
        self.warm_up = warm_up
        self.backbone_lr_scale = backbone_lr_scale
        self.freeze_epochs = freeze_epochs
        self.averaging = averaging
        self.mixup = mixup
        self.size_schedule = size_schedule

    def build_optimizer(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float,
        backbone: Iterable[nn.Parameter] = (),
        pretrained: bool = False,
    ) -> Optimizer:
        """Return a fresh optimizer.

        Parameters
        ----------
        parameters : iterable of torch.nn.Parameter
            Parameters to learn.
        lr : float
            Largest learning rate.
        backbone : iterable of torch.nn.Parameter, default=()
            Those that belong to the backbone.
        pretrained : bool, default=False
            Whether the backbone has pretrained weights.

        Returns
        -------
        torch.optim.Optimizer
            The optimizer. Parameters of one dimension have no weight decay; each group
            has a factor of the learning rate as `lr_scale`.
        """
        slow = {id(parameter) for parameter in backbone}
        # The backbone's come last: the first group's rate is the one that is reported.
        order = [(False, True), (False, False), (True, True), (True, False)]
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {key: [] for key in order}
        for parameter in parameters:
            groups[id(parameter) in slow, parameter.ndim > 1].append(parameter)
        settings: list[dict[str, Any]] = [
            {
                "params": members,
                "weight_decay": self._decay() if decayed else 0.0,
                "lr_scale": self._backbone_scale(pretrained) if in_backbone else 1.0,
            }
            for (in_backbone, decayed), members in groups.items()
            if members
        ]
        if self.optimizer == "sgd":
            return torch.optim.SGD(settings, lr=lr, momentum=_MOMENTUM, nesterov=True)
        return torch.optim.AdamW(settings, lr=lr, fused=True)

    def _decay(self) -> float:
        if isinstance(self.weight_decay, str):
            return _AUTO_WEIGHT_DECAY[self.optimizer]
        return self.weight_decay

    def _backbone_scale(self, pretrained: bool) -> float:
        if isinstance(self.backbone_lr_scale, str):
            return 0.1 if pretrained else 1.0
        return self.backbone_lr_scale

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

    def image_scale(self, progress: float) -> float:
        """Return the factor of the images' size.

        Parameters
        ----------
        progress : float
            Fraction of the steps that are done, in [0, 1].

        Returns
        -------
        float
            A factor in (0, 1].
        """
        if self.size_schedule == "constant":
            return 1.0
        return next(
            (scale for end, scale in _COARSE_TO_FINE if progress < end),
            1.0,
        )
