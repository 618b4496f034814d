"""Training in closed form: the head of a frozen backbone, solved instead of trained."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from numbers import Real
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from skmultigran._network import MultiGranularityNetwork
from skmultigran._registry import TRAININGS
from skmultigran._support import Interval, StrOptions
from skmultigran.heads import Pooled
from skmultigran.tasks import ClassificationTask, RegressionTask
from skmultigran.training._linear_models import (
    DiscriminantSolver,
    LinearModel,
    LinearSolver,
    RidgeSolver,
)
from skmultigran.training._recipe import Training
from skmultigran.training._rows import RowSource

_SHRINKAGES = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_FOLDS = 5
# Of more rows a fifth tells enough by itself.
_ROWS_OF_ONE_FOLD = 2000
_ROWS_AT_A_TIME = 4096
_COLUMNS_AT_A_TIME = 1024
_NEVER = -100.0  # as a logit


@TRAININGS.register("closed_form")
class ClosedFormTraining(Training):
    """Closed-form solution of the head, for a frozen backbone.

    Registered as "closed_form".

    Labels are predicted by linear discriminant analysis with a shrunken covariance
    [1]_, numbers by ridge regression. Both take one pass over the images and a few more
    seconds. With a few hundred images they are often more accurate than a network
    trained from scratch: try `backbone="scattering"` for small images and a pretrained
    backbone for photographs.

    For `MultiGranularityClassifier` with one label per image and
    `MultiGranularityRegressor` with the squared error. Requires `trainable="head"` and
    a fusion with nothing to learn, such as "concat". Images are not augmented.

    Parameters
    ----------
    shrinkage : float or "auto", default="auto"
        Shrinkage of the covariance of the features towards a multiple of the identity,
        in (0, 1]. "auto": the one of 0.05, 0.1, 0.2, 0.4, 0.6 and 0.8 with the lowest
        loss in 5-fold cross-validation or, with more than 2,000 images, on one held-out
        fifth.

    Notes
    -----
    Columns are standardised first, and solved for in double precision, which takes some
    24 bytes of memory per image and column. Discriminants alone would be overconfident:
    the logits are scaled by the factor with the least cross-entropy on the held-out
    images [2]_. Of fewer than 10 images, or one per class, nothing is held out: the
    shrinkage is 0.4 then, and the factor one. Images go to the folds in turn, class by
    class, so keep near-duplicates out.

    There is one epoch, whatever `max_epochs` says; `history_[0]["shrinkage"]` is the
    value that was chosen. Validation data are judged, and change nothing.

    References
    ----------
    .. [1] J. H. Friedman, "Regularized Discriminant Analysis", Journal of the American
       Statistical Association 84, 1989.
    .. [2] C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, arXiv
       1706.04599.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = MultiGranularityClassifier(
    ...     backbone="scattering", trainable="head", training="closed_form"
    ... )
    >>> clf.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.9
    True
    """

    closed_form = True
    # There are no steps, so nothing of theirs can be set.
    optimizer, weight_decay, label_smoothing = "adamw", 0.0, 0.0
    schedule, warm_up, backbone_lr_scale = "constant", 0.0, 1.0
    freeze_epochs, averaging, mixup, size_schedule = 0, None, 0.0, "constant"

    _parameter_constraints = {
        "shrinkage": [Interval(Real, 0, 1, closed="right"), StrOptions({"auto"})]
    }

    def __init__(self, *, shrinkage: float | str = "auto") -> None:
        self.shrinkage = shrinkage

    @property
    def shrinkages(self) -> tuple[float, ...]:
        """Candidate values of the shrinkage."""
        return (
            _SHRINKAGES if isinstance(self.shrinkage, str) else (float(self.shrinkage),)
        )


def check_closed_form(task: object) -> None:
    """Raise if the answer to a task has no closed form.

    Parameters
    ----------
    task : task
        What is learned.

    Raises
    ------
    ValueError
        If it is neither one label per image nor numbers with the squared error.
    """
    _solver_of(task)


def solve_head(
    network: MultiGranularityNetwork,
    source: RowSource,
    targets: Tensor,
    weights: Tensor,
    task: Any,
    shrinkages: Sequence[float],
) -> dict[str, Any]:
    """Give the head of a network the weights that have a closed form.

    Parameters
    ----------
    network : MultiGranularityNetwork
        The network, which is changed; its fusion has nothing to learn.
    source : RowSource
        Rows of pooled maps.
    targets : Tensor of shape (n, ...)
        Encoded answers.
    weights : Tensor of float32 of shape (n,)
        Positive weights with mean one.
    task : task
        What is learned.
    shrinkages : sequence of float
        What is tried.

    Returns
    -------
    dict
        The entry of the history: `epoch`, `train_loss`, `lr`, `seconds`, `shrinkage`.
    """
    start = time.perf_counter()
    network.eval()
    head, solver = cast(Pooled, network.head), _solver_of(task)
    with torch.no_grad():
        columns = _columns(network, source)
        _standardise(head, columns, weights.double())
        shrinkage, factor = _chosen(
            solver, columns, targets, weights.double(), shrinkages
        )
        (model,) = solver.solve(columns, targets, weights.double(), [shrinkage])
        _give(head, model, factor)
        losses = task.loss((model.outputs(columns) * factor).float(), targets)
    return {
        "epoch": 1,
        "train_loss": float((losses * weights).mean()),
        "lr": 0.0,
        "seconds": time.perf_counter() - start,
        "shrinkage": shrinkage,
    }


def _columns(network: MultiGranularityNetwork, source: RowSource) -> Tensor:
    """Return what the head normalises, in double precision and on the CPU.

    Differences of large numbers decide between classes, and not all devices have
    doubles.
    """
    head = cast(Pooled, network.head)
    weight = head.linear.weight
    columns = torch.empty(len(source), weight.shape[1], dtype=torch.float64)
    for start in range(0, len(source), _ROWS_AT_A_TIME):
        rows = np.arange(start, min(start + _ROWS_AT_A_TIME, len(source)))
        fused = network.fuse_rows(source.gather(rows).to(weight.device))
        columns[start : start + len(rows)] = head.columns(fused).cpu()
    return columns


def _give(head: Pooled, model: LinearModel, factor: float) -> None:
    """Give the head a linear model of its normalised columns."""
    head.linear.weight.copy_((model.weight.T * (factor / head.scale)).float())
    # A class that has no image may yet get some in a warm start, which an infinite
    # bias would not survive.
    head.linear.bias.copy_((model.bias * factor).clamp_min(_NEVER).float())


def _solver_of(task: object) -> LinearSolver:
    if isinstance(task, ClassificationTask):
        return DiscriminantSolver(task.n_outputs)
    if isinstance(task, RegressionTask) and task.loss_name == "squared_error":
        return RidgeSolver()
    raise ValueError(
        "training='closed_form' solves for one label per image, and for numbers with "
        "loss='squared_error'; other answers have no closed form. Take "
        "training='standard'."
    )


def _standardise(head: Pooled, columns: Tensor, weights: Tensor) -> None:
    """Let the norm of the head standardise the columns; they are standardised here."""
    norm, total = head.norm, weights.sum()
    norm.reset_parameters()
    means, variances = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    for first in range(0, columns.shape[1], _COLUMNS_AT_A_TIME):
        part = slice(first, first + _COLUMNS_AT_A_TIME)
        block = columns[:, part]
        means[part] = (weights @ block / total).float()
        block -= means[part].cpu()
        variances[part] = (weights @ block.square() / total).float()
        block /= (variances[part].cpu().double() + norm.eps).sqrt()


def _chosen(
    solver: LinearSolver,
    columns: Tensor,
    targets: Tensor,
    weights: Tensor,
    shrinkages: Sequence[float],
) -> tuple[float, float]:
    """Return the best shrinkage and its factor, judged on held-out rows."""
    held_out: list[list[Tensor]] = [[] for _ in shrinkages]
    rows: list[Tensor] = []
    for held in _folds(solver.order(targets)):
        kept = torch.ones(len(columns), dtype=torch.bool)
        kept[held] = False
        models = solver.solve(columns[kept], targets[kept], weights[kept], shrinkages)
        for outputs, model in zip(held_out, models, strict=True):
            outputs.append(model.outputs(columns[held]))
        rows.append(held)
    if not rows:
        return shrinkages[len(shrinkages) // 2], 1.0
    judged = torch.cat(rows)
    calibrations = [
        solver.calibrated(torch.cat(outputs), targets[judged], weights[judged])
        for outputs in held_out
    ]
    best = min(range(len(shrinkages)), key=lambda number: calibrations[number][1])
    factor, loss = calibrations[best]
    if not math.isfinite(loss):  # of each class there is one image
        return shrinkages[len(shrinkages) // 2], 1.0
    return shrinkages[best], factor


def _folds(order: Tensor) -> list[Tensor]:
    """Return the rows of each fold that is held out; none where there are few rows."""
    folds = [order[start::_FOLDS] for start in range(_FOLDS)]
    if len(order) < 2 * _FOLDS:
        return []
    return folds if len(order) <= _ROWS_OF_ONE_FOLD else folds[:1]
