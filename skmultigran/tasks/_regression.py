"""One or several numbers per image: standardise, loss, and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class RegressionTask:
    """Numbers to standardised numbers, which are easy to learn, and back.

    Parameters
    ----------
    mean, std : ndarray of float64 of shape () or (n_outputs,)
        Mean and standard deviation of the training targets; without an axis for
        targets of one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.tasks import RegressionTask
    >>> task = RegressionTask.learn(np.array([10.0, 30.0]), np.ones(2))
    >>> task.encode(np.array([10.0, 20.0, 30.0])).ravel()
    array([-1.,  0.,  1.], dtype=float32)
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray) -> None:
        self.mean = mean
        self.std = std

    @classmethod
    def learn(cls, y: np.ndarray, weights: np.ndarray) -> RegressionTask:
        """Return the task with the mean and the deviation of targets.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs)
            Finite training targets.
        weights : ndarray of shape (n,)
            Positive weights.

        Returns
        -------
        RegressionTask
            The task. A constant target has the deviation one.
        """
        mean = np.average(y, axis=0, weights=weights)
        std = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weights))
        # Of equal numbers the mean may be off by a rounding error.
        constant = np.ptp(y, axis=0) == 0
        return cls(np.where(constant, y[0], mean), np.where(constant, 1.0, std))

    @property
    def n_outputs(self) -> int:
        """Number of raw numbers per image."""
        return self.mean.size

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return standardised targets.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs)
            Targets.

        Returns
        -------
        ndarray of float32 of shape (n, n_outputs)
            The targets with mean zero and deviation one.

        Raises
        ------
        ValueError
            If the targets have another shape than those learned from.
        """
        if y.shape[1:] != self.mean.shape:
            raise ValueError(
                f"y has the shape {y.shape}, but the targets learned from had the "
                f"shape {('n', *self.mean.shape)}. Pass as many targets per image."
            )
        standardised = ((y - self.mean) / self.std).astype(np.float32)
        return standardised.reshape(len(y), self.n_outputs)

    def loss(
        self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0
    ) -> Tensor:
        """Return the squared error of each image, in units of the variance.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_outputs)
            Raw numbers.
        targets : Tensor of shape (B, n_outputs)
            Standardised targets.
        label_smoothing : float, default=0.0
            Of no meaning for numbers; taken as every task's loss takes it.

        Returns
        -------
        Tensor of shape (B,)
            The losses, averaged over the outputs.
        """
        return (outputs - targets).square().mean(dim=1)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the negative squared error of each image: greater is better.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_outputs)
            Raw numbers.
        targets : Tensor of shape (B, n_outputs)
            Standardised targets.

        Returns
        -------
        Tensor of shape (B,)
            The scores, averaged over the outputs.
        """
        return -self.loss(outputs, targets)

    def decode(self, outputs: Tensor) -> np.ndarray:
        """Return raw numbers in the units of the targets.

        Parameters
        ----------
        outputs : Tensor of shape (n, n_outputs)
            Raw numbers.

        Returns
        -------
        ndarray of float32 of shape (n,) or (n, n_outputs)
            With as many axes as the targets learned from.
        """
        standardised = outputs.to(torch.float64).numpy()
        y = standardised.reshape(-1, *self.mean.shape) * self.std + self.mean
        return y.astype(np.float32)
