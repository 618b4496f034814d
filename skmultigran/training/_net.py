"""The private skorch net: one epoch of steps, with nothing hidden.

skorch gives the ladder of small methods from an epoch down to a single step. Its
behaviours that surprise sklearn users stay out: no hold-out is split off, `predict`
is not used, and `partial_fit`, which swallows KeyboardInterrupt, is not called: the
trainer drives `fit_loop` one epoch at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from skorch import NeuralNet
from torch import Tensor, nn
from torch.nn import functional

from skmultigran.training._averaging import WeightAverage
from skmultigran.training._batches import TrainingBatches
from skmultigran.training._mixup import Mixture, mixed
from skmultigran.training._norm_statistics import batch_norms, norm_statistics_held
from skmultigran.training._progressive import ProgressiveStep

# After as many batches a norm's usual momentum, a tenth or so, is the larger one.
_STEPS_TO_CORRECT = 100


class WeightedLoss(nn.Module):
    """Mean over the batch of weight times loss.

    Weights have mean one over the whole training set and are not scaled per batch, so
    that every image counts by its weight whatever batch it is in.

    Parameters
    ----------
    losses : callable
        `(outputs, targets)` to one loss per image.
    """

    def __init__(self, losses: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.losses = losses

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the weighted mean loss, a scalar."""
        return (self.losses(outputs, targets) * weights).mean()


class TrainingNet(NeuralNet):
    """skorch's loop over our batches, with a schedule that moves once per step.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    criterion : WeightedLoss
        The loss.
    lr_factor : callable
        Fraction of the steps done to the factor of the learning rate.
    total_steps : int
        Number of steps of the whole training.
    precision : {"float32", "bfloat16"}, default="float32"
        What the steps compute in.
    averaging : float or None, default=None
        Decay of the moving average of the weights; None: there is none.
    image_scale : callable, default: 1
        Fraction of the steps done to the factor of the images' size.
    mixup : float, default=0.0
        How strongly pairs of images are mixed; see `mixed`. 0: not at all.
    stage_steps : sequence of ProgressiveStep, default=()
        The steps for each batch, where each stage takes one of its own.
    **kwargs : dict
        Parameters of `skorch.NeuralNet`.
    """

    def __init__(
        self,
        module: nn.Module,
        criterion: WeightedLoss,
        *,
        lr_factor: Callable[[float], float],
        total_steps: int,
        precision: str = "float32",
        averaging: float | None = None,
        image_scale: Callable[[float], float] = lambda progress: 1.0,
        mixup: float = 0.0,
        stage_steps: Sequence[ProgressiveStep] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            module,
            criterion,
            train_split=None,
            callbacks__print_log=None,
            verbose=0,
            **kwargs,
        )
        self.lr_factor = lr_factor
        self.total_steps = total_steps
        self.precision = precision
        self.averaging = averaging
        self.image_scale = image_scale
        self.mixup = mixup
        self.stage_steps = stage_steps

    def initialize_optimizer(
        self, triggered_directly: bool | None = None
    ) -> TrainingNet:
        """Make the optimizer over all parameters that are learned."""
        learned = [p for p in self.module_.parameters() if p.requires_grad]
        self.optimizer_ = self.optimizer(learned, lr=self.lr)
        self.norm_momenta_ = [(n, n.momentum) for n in batch_norms(self.module_)]
        self.steps_done_ = 0
        self.mixture_: Mixture | None = None
        self.average_: WeightAverage | None = None
        return self

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Average the weights within, and give the module the average at the end.

        Yields
        ------
        None
        """
        if self.averaging is not None:
            self.average_ = WeightAverage(self.module_, self.averaging)
        try:
            yield
            if self.average_ is not None:
                self.average_.give(self.module_)
        finally:
            self.average_ = None

    @property
    def judged_module(self) -> nn.Module:
        """The module with the average of the weights, or with the last ones."""
        return self.module_ if self.average_ is None else self.average_.module

    @property
    def progress(self) -> float:
        """Fraction of the steps that are done, in [0, 1]."""
        return min(1.0, self.steps_done_ / max(1, self.total_steps))

    @property
    def shows_whole_images(self) -> bool:
        """Whether images have come to their full size."""
        return self.image_scale(self.progress) == 1

    def get_split_datasets(
        self, X: TrainingBatches, y: None = None, **fit_params: Any
    ) -> tuple[TrainingBatches, None]:
        """Return the batches as they are: nothing is held out here."""
        return X, None

    def get_iterator(self, dataset: TrainingBatches, training: bool = False) -> Any:
        """Return the batches, which are iterable themselves."""
        return dataset

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Set the learning rate, then take one step."""
        progress = self.progress
        for group in self.optimizer_.param_groups:
            factor = self.lr_factor(progress) * group.get("lr_scale", 1.0)
            group["lr"] = self.lr * factor
        self.steps_done_ += 1
        self._correct_norm_momenta()
        images, answers = batch
        images = _scaled(images, self.image_scale(progress))
        if self.mixup:
            images, self.mixture_ = mixed(images, self.mixup)
        for each in self.stage_steps:
            shown = each.shown(images), answers
            step = super().train_step(shown, stage=each.stage)
        if not self.stage_steps:
            step = super().train_step((images, answers), **fit_params)
        if self.average_ is not None:
            self.average_.update(self.module_)
        return step

    def _correct_norm_momenta(self) -> None:
        """Let the first batches count equally in the running statistics of norms.

        Otherwise a short training would end with statistics that still remember their
        arbitrary start, as the moments of Adam would without their correction.
        """
        if self.steps_done_ > _STEPS_TO_CORRECT:
            return
        for norm, momentum in self.norm_momenta_:
            if momentum is not None and norm.num_batches_tracked is not None:
                norm.momentum = max(momentum, 1 / (1 + int(norm.num_batches_tracked)))

    def infer(self, x: Tensor, **fit_params: Any) -> Tensor:
        """Return the outputs; a single image does not move the norm statistics."""
        single = self.module_.training and len(x) == 1
        held = norm_statistics_held(self.module_)
        with held if single else contextlib.nullcontext(), self._autocast():
            if "stage" in fit_params:
                return self.module_.answer_of(fit_params["stage"], x.to(self.device))
            return super().infer(x)

    def _autocast(self) -> torch.autocast:
        """Let steps of training, and nothing else, compute in bfloat16."""
        reduced = self.precision == "bfloat16" and self.module_.training
        device_type = torch.device(self.device).type
        return torch.autocast(device_type, torch.bfloat16, enabled=reduced)

    def get_loss(
        self,
        y_pred: Tensor,
        y_true: tuple[Tensor, Tensor],
        X: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """Return the weighted loss of a batch."""
        targets, weights = (part.to(self.device) for part in y_true)
        answers = [(targets, weights)]
        if self.mixture_ is not None:
            answers = self.mixture_.answers(targets, weights)
        return sum(self.criterion_(y_pred.float(), *answer) for answer in answers)


def _scaled(images: Tensor, scale: float) -> Tensor:
    if scale == 1 or images.ndim != 4:
        return images
    size = [max(1, round(side * scale)) for side in images.shape[-2:]]
    return functional.interpolate(images, size, mode="bilinear", antialias=True)


def build_net(
    module: nn.Module,
    losses: Callable[[Tensor, Tensor], Tensor],
    *,
    optimizer: Callable[..., torch.optim.Optimizer],
    lr: float,
    lr_factor: Callable[[float], float],
    total_steps: int,
    device: str,
    precision: str = "float32",
    averaging: float | None = None,
    image_scale: Callable[[float], float] = lambda progress: 1.0,
    mixup: float = 0.0,
    stage_steps: Sequence[ProgressiveStep] = (),
) -> TrainingNet:
    """Return an initialised net around `module`.

    Parameters
    ----------
    module : torch.nn.Module
        The network; it is moved to the device.
    losses : callable
        `(outputs, targets)` to one loss per image.
    optimizer : callable
        `(parameters, lr=)` to an optimizer.
    lr : float
        Largest learning rate.
    lr_factor : callable
        Fraction of the steps done to the factor of the learning rate.
    total_steps : int
        Number of steps of the whole training.
    device : str
        Where the network lives.
    precision : {"float32", "bfloat16"}, default="float32"
        What the steps compute in.
    averaging : float or None, default=None
        Decay of the moving average of the weights; None: there is none.
    image_scale : callable, default: 1
        Fraction of the steps done to the factor of the images' size.
    mixup : float, default=0.0
        How strongly pairs of images are mixed; see `mixed`. 0: not at all.
    stage_steps : sequence of ProgressiveStep, default=()
        The steps for each batch, where each stage takes one of its own.

    Returns
    -------
    TrainingNet
        The net.
    """
    return TrainingNet(
        module.to(memory_format=torch.channels_last),
        WeightedLoss(losses),
        lr_factor=lr_factor,
        total_steps=total_steps,
        optimizer=optimizer,
        lr=lr,
        device=device,
        precision=precision,
        averaging=averaging,
        image_scale=image_scale,
        mixup=mixup,
        stage_steps=stage_steps,
    ).initialize()
