"""Several tasks at once: missing answers are masked, and the losses balanced."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skmultigran.images import IGNORED, fit_mask
from skmultigran.tasks._classification import ClassificationTask
from skmultigran.tasks._regression import RegressionTask
from skmultigran.tasks._segmentation import SegmentationTask

Weights = Mapping[str, float] | None

# A Gaussian's logarithm has half of the squared error.
_FACTORS = {RegressionTask: 0.5}


class Answers:
    """The answers of several tasks, row by row.

    Parameters
    ----------
    columns : dict of str to ndarray of length n
        The answers of each task; of any value where they are not known.
    known : dict of str to ndarray of bool of shape (n,)
        Where they are.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.tasks import Answers
    >>> y = Answers({"age": np.array([3.0, np.nan])}, {"age": np.array([True, False])})
    >>> len(y), y[np.array([0])].columns
    (2, {'age': array([3.])})
    """

    def __init__(
        self, columns: Mapping[str, np.ndarray], known: Mapping[str, np.ndarray]
    ) -> None:
        self.columns = dict(columns)
        self.known = dict(known)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, rows: np.ndarray) -> Answers:
        return Answers(
            {name: column[rows] for name, column in self.columns.items()},
            {name: known[rows] for name, known in self.known.items()},
        )

    def given(self, name: str) -> np.ndarray:
        """Return the answers of a task that are known.

        Parameters
        ----------
        name : str
            The task.

        Returns
        -------
        ndarray
            As many as are known.
        """
        return self.columns[name][self.known[name]]


class SeveralTasks:
    """Answers of several tasks to one row of numbers, and one loss of all of them.

    The loss of a task is its mean over the images whose answer is known, so a task
    counts as much however many answers it lacks; `sharing` tells how many these are.
    With weights "uncertainty" each task learns the variance s of its noise as well, and
    the total of `loss / s + log(s) / 2`, for regression `(loss / s + log(s)) / 2`, is
    minimised [1]_.

    Parameters
    ----------
    tasks : dict of str to task
        The tasks, in order.
    weights : "uncertainty", dict of str to float, or None
        What each task's loss is multiplied by; None: one.
    image_size : tuple of int
        `(height, width)` that the network sees, and of the masks that it gives.
    resize : str, default="letterbox"
        How images, and with them masks, become this size.

    Attributes
    ----------
    shares : dict of str to float
        Share of the images, by weight, whose answer is known; 1 for each task until
        `sharing` tells them. Tasks without any answer are left out.

    References
    ----------
    .. [1] A. Kendall, Y. Gal and R. Cipolla, "Multi-Task Learning Using Uncertainty to
       Weigh Losses for Scene Geometry and Semantics", CVPR 2018, arXiv 1705.07115.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.tasks import Answers, ClassificationTask, SeveralTasks
    >>> tasks = {"pet": ClassificationTask(np.array(["cat", "dog"]))}
    >>> several = SeveralTasks(tasks, None, (8, 8))
    >>> known = {"pet": np.array([True, False])}
    >>> several.encode(Answers({"pet": np.array(["dog", None])}, known))
    array([[ 1.],
           [nan]], dtype=float32)
    """

    def __init__(
        self,
        tasks: Mapping[str, Any],
        weights: str | Weights,
        image_size: tuple[int, int],
        resize: str = "letterbox",
    ) -> None:
        self.tasks = dict(tasks)
        self.weights = weights
        self.image_size = image_size
        self.resize = resize
        self.shares = dict.fromkeys(self.tasks, 1.0)

    @property
    def n_outputs(self) -> int:
        """Number of raw numbers of all tasks together, per image or per pixel."""
        return sum(task.n_outputs for task in self.tasks.values())

    def encode(self, y: Answers) -> np.ndarray:
        """Return all answers as one row per image.

        Parameters
        ----------
        y : Answers
            The answers.

        Returns
        -------
        ndarray of float32 of shape (n, n_columns)
            Each task's encoded answers; NaN where they are not known.

        Raises
        ------
        ValueError
            If answers do not fit a task, which the message names.
        """
        *edges, width = accumulate(self.widths.values())
        encoded = np.full((len(y), width), np.nan, dtype=np.float32)
        # Views: masks are many numbers, and there is one array of them.
        parts = np.split(encoded, edges, axis=1)
        for name, part in zip(self.tasks, parts, strict=True):
            try:
                self._encode_into(part, name, y)
            except ValueError as error:
                raise ValueError(f"Task {name!r}: {error}") from None
        return encoded

    def _encode_into(self, part: np.ndarray, name: str, y: Answers) -> None:
        task, known = self.tasks[name], y.known[name]
        if not _is_dense(task):
            encoded = task.encode(y.given(name))
            part[known] = encoded.reshape(-1, part.shape[1])
            return
        for row in np.flatnonzero(known):
            mask = task.encode_mask(y.columns[name][row], row)
            fitted = fit_mask(mask, self.image_size, self.resize, IGNORED)
            part[row] = fitted.ravel()

    def sharing(self, targets: np.ndarray, weights: np.ndarray) -> SeveralTasks:
        """Return the same tasks, with the shares of some images.

        Parameters
        ----------
        targets : ndarray of shape (n, n_columns)
            Encoded answers of the images that losses and scores will be of.
        weights : ndarray of shape (n,)
            Weights of these images.

        Returns
        -------
        SeveralTasks
            Their losses average over these images to the sum of the tasks' means over
            the answers that are known, and their scores to the mean of these means.

        Raises
        ------
        ValueError
            If no answer is known.
        """
        several = copy.copy(self)
        several.shares = {}
        weights = weights.astype(np.float64)
        for name, part in self._parts(torch.from_numpy(targets)).items():
            known = _known(self.tasks[name], part).numpy()
            if known.any():
                several.shares[name] = float(weights[known].sum() / weights.sum())
        if not several.shares:
            raise ValueError(
                f"No task has an answer for any of {len(targets)} images for training "
                f"or validation. Give some answers of {list(self.tasks)}."
            )
        return several

    @property
    def widths(self) -> dict[str, int]:
        """Number of columns of each task's encoded answers."""
        return {name: self._width(task) for name, task in self.tasks.items()}

    def _width(self, task: Any) -> int:
        """Return the number of columns of a task's encoded answers."""
        if isinstance(task, ClassificationTask):
            return 1
        return self._pixels(task) if _is_dense(task) else task.n_outputs

    def _pixels(self, task: Any) -> int:
        return math.prod(self.image_size) if _is_dense(task) else 1

    def split(self, outputs: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return the raw numbers of each task, and what stands behind them.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_columns)
            What the network gives.

        Returns
        -------
        answers : dict of str to Tensor
            Of shape (B, n_outputs), or (B, n_classes, h, w) for pixels.
        log_variances : Tensor of shape (B, n_tasks) or (B, 0)
            The learned ones.
        """
        sizes = [t.n_outputs * self._pixels(t) for t in self.tasks.values()]
        sizes.append(outputs.shape[1] - sum(sizes))
        *parts, log_variances = outputs.split(sizes, dim=1)
        answers = {
            name: part.unflatten(1, (task.n_outputs, *self.image_size))
            if _is_dense(task)
            else part
            for (name, task), part in zip(self.tasks.items(), parts, strict=True)
        }
        return answers, log_variances

    def loss(
        self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0
    ) -> Tensor:
        """Return the balanced loss of each image.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_columns)
            What the network gives.
        targets : Tensor of shape (B, n_columns)
            Encoded answers.
        label_smoothing : float, default=0.0
            As each task takes it.

        Returns
        -------
        Tensor of shape (B,)
            The losses; answers that are not known add nothing.
        """
        answers, log_variances = self.split(outputs)
        parts = self._parts(targets)
        total = outputs.new_zeros(len(outputs))
        for number, (name, task) in enumerate(self.tasks.items()):
            if name not in self.shares:
                continue
            encoded = self._decoded(task, parts[name])
            loss = task.loss(answers[name], encoded, label_smoothing)
            if self.weights == "uncertainty":
                log_variance = log_variances[:, number]
                factor = _FACTORS.get(type(task), 1.0)
                loss = factor * loss * torch.exp(-log_variance) + log_variance / 2
            elif isinstance(self.weights, Mapping):
                loss = loss * self.weights[name]
            total = total + loss * _known(task, parts[name]) / self.shares[name]
        return total

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean of the tasks' scores, such that images average to it.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_columns)
            What the network gives.
        targets : Tensor of shape (B, n_columns)
            Encoded answers.

        Returns
        -------
        Tensor of shape (B,)
            The scores; answers that are not known add nothing, and tasks without any
            do not count.
        """
        answers, _ = self.split(outputs)
        parts = self._parts(targets)
        total = outputs.new_zeros(len(outputs))
        for name, share in self.shares.items():
            task = self.tasks[name]
            score = task.score(answers[name], self._decoded(task, parts[name]))
            total = total + score * _known(task, parts[name]) / share
        return total / len(self.shares)

    def _parts(self, targets: Tensor) -> dict[str, Tensor]:
        """Return each task's columns of encoded answers."""
        parts = targets.split(list(self.widths.values()), dim=1)
        return dict(zip(self.tasks, parts, strict=True))

    def _decoded(self, task: Any, part: Tensor) -> Tensor:
        """Return what the task itself calls its encoded answers."""
        if isinstance(task, ClassificationTask):
            return part[:, 0].nan_to_num().long()
        if _is_dense(task):
            return part.nan_to_num().long().unflatten(1, self.image_size)
        return part

    def factors(self, log_variances: np.ndarray) -> dict[str, float]:
        """Return what each task's loss is multiplied by.

        Parameters
        ----------
        log_variances : ndarray of shape (n_tasks,) or (0,)
            The learned ones.

        Returns
        -------
        dict of str to float
            The factors.
        """
        if isinstance(self.weights, Mapping):
            return dict(self.weights)
        if self.weights is None:
            return dict.fromkeys(self.tasks, 1.0)
        return {
            name: _FACTORS.get(type(task), 1.0) * math.exp(-log_variance)
            for (name, task), log_variance in zip(
                self.tasks.items(), log_variances, strict=True
            )
        }

    def decode(self, outputs: Tensor) -> dict[str, np.ndarray]:
        """Return the answers of each task.

        Parameters
        ----------
        outputs : Tensor of shape (n, n_columns)
            What the network gives.

        Returns
        -------
        dict of str to ndarray
            As each task decodes them.
        """
        answers, _ = self.split(outputs)
        return {name: self.tasks[name].decode(part) for name, part in answers.items()}

    def probabilities(self, outputs: Tensor) -> dict[str, np.ndarray]:
        """Return the probabilities of each task that has classes.

        Parameters
        ----------
        outputs : Tensor of shape (n, n_columns)
            What the network gives.

        Returns
        -------
        dict of str to ndarray of float32
            As each task gives them.
        """
        answers, _ = self.split(outputs)
        return {
            name: self.tasks[name].probabilities(part)
            for name, part in answers.items()
            if hasattr(self.tasks[name], "probabilities")
        }

    def named_answers(self, outputs: Tensor) -> dict[str, Tensor]:
        """Return what the raw numbers say, as tensors by name.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_columns)
            What the network gives.

        Returns
        -------
        dict of str to Tensor
            Those of each task, its name in front: "age_predictions".
        """
        answers, _ = self.split(outputs)
        return {
            f"{name}_{kind}": answer
            for name, part in answers.items()
            for kind, answer in self.tasks[name].named_answers(part).items()
        }


def _is_dense(task: Any) -> bool:
    return isinstance(task, SegmentationTask)


def _known(task: Any, part: Tensor) -> Tensor:
    """Return which of a task's encoded answers are known, at least in part."""
    # Of a mask all pixels are known, or none.
    part = part[:, :1] if _is_dense(task) else part
    return ~part.isnan().all(dim=1)
