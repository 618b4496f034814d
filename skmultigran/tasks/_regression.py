"""One or several numbers per image: standardise, loss, and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

# Of a normal distribution the quartiles are so many standard deviations apart.
_QUARTILES_APART = 1.349


def _squared(errors: Tensor, task: RegressionTask) -> Tensor:
    return errors.square()


def _absolute(errors: Tensor, task: RegressionTask) -> Tensor:
    return errors.abs()


def _huber(errors: Tensor, task: RegressionTask) -> Tensor:
    return functional.huber_loss(
        errors, torch.zeros_like(errors), reduction="none", delta=task.epsilon
    )


def _pinball(errors: Tensor, task: RegressionTask) -> Tensor:
    """Return the pinball loss; an error is positive where the output is too low."""
    return torch.maximum(task.quantile * errors, (task.quantile - 1) * errors)


LOSSES: dict[str, Callable[[Tensor, RegressionTask], Tensor]] = {
    "squared_error": _squared,
    "absolute_error": _absolute,
    "huber": _huber,
    "quantile": _pinball,
}


class RegressionTask:
    """Numbers to standardised numbers, which are easy to learn, and back.

    Parameters
    ----------
    center, spread : ndarray of float64 of shape () or (n_outputs,)
        What is subtracted from the targets, and what they are then divided by; without
        an axis for targets of one axis.
    loss : str, default="squared_error"
        One of `LOSSES`.
    quantile : float, default=0.5
        Quantile that `loss="quantile"` makes the outputs be.
    epsilon : float, default=0.5
        Error, in units of `spread`, from which on `loss="huber"` grows linearly.
    dtype : type, default=float32
        Type of decoded numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.tasks import RegressionTask
    >>> task = RegressionTask.learn(np.array([10.0, 30.0]), np.ones(2))
    >>> task.encode(np.array([10.0, 20.0, 30.0])).ravel()
    array([-1.,  0.,  1.], dtype=float32)
    """

    def __init__(
        self,
        center: np.ndarray,
        spread: np.ndarray,
        *,
        loss: str = "squared_error",
        quantile: float = 0.5,
        epsilon: float = 0.5,
        dtype: type | np.dtype = np.float32,
    ) -> None:
        self.center = center
        self.spread = spread
        self.loss_name = loss
        self.quantile = quantile
        self.epsilon = epsilon
        self.dtype = np.dtype(dtype)

    @classmethod
    def learn(
        cls,
        y: np.ndarray,
        weights: np.ndarray,
        *,
        loss: str = "squared_error",
        quantile: float = 0.5,
        epsilon: float = 0.5,
    ) -> RegressionTask:
        """Return the task with the centre and the spread of targets.

        They are the mean and the standard deviation, which are what the squared error
        is about. The other losses are chosen for targets with outliers, which should
        not set the scale: there it is the median, and the distance of the quartiles.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs)
            Finite training targets.
        weights : ndarray of shape (n,)
            Positive weights.
        loss : str, default="squared_error"
            One of `LOSSES`.
        quantile : float, default=0.5
            Quantile that `loss="quantile"` makes the outputs be.
        epsilon : float, default=0.5
            Error, in units of the spread, from which on `loss="huber"` grows linearly.

        Returns
        -------
        RegressionTask
            The task. A constant target has the spread one.
        """
        mean = np.average(y, axis=0, weights=weights)
        spread = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weights))
        # Of equal numbers the mean may be off by a rounding error.
        constant = np.ptp(y, axis=0) == 0
        center = np.where(constant, y[0], mean)
        if loss != "squared_error":
            low, center, high = np.quantile(
                y, (0.25, 0.5, 0.75), axis=0, weights=weights, method="inverted_cdf"
            )
            # Where half of the targets are equal, quartiles may tell no spread.
            spread = np.where(high > low, (high - low) / _QUARTILES_APART, spread)
        return cls(
            center,
            np.where(constant, 1.0, spread),
            loss=loss,
            quantile=quantile,
            epsilon=epsilon,
            dtype=y.dtype if y.dtype.kind == "f" else np.float64,
        )

    @property
    def n_outputs(self) -> int:
        """Number of raw numbers per image."""
        return self.center.size

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return standardised targets.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs)
            Targets.

        Returns
        -------
        ndarray of float32 of shape (n, n_outputs)
            The targets with centre zero and spread one.

        Raises
        ------
        ValueError
            If the targets have another shape than those learned from.
        """
        if y.shape[1:] != self.center.shape:
            raise ValueError(
                f"y has the shape {y.shape}, but the targets learned from had the "
                f"shape {('n', *self.center.shape)}. Pass as many targets per image."
            )
        standardised = ((y - self.center) / self.spread).astype(np.float32)
        return standardised.reshape(len(y), self.n_outputs)

    def loss(
        self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0
    ) -> Tensor:
        """Return the loss of each image, for standardised errors.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_outputs)
            Raw numbers.
        targets : Tensor of shape (B, n_outputs)
            Standardised targets; NaN where they are not known.
        label_smoothing : float, default=0.0
            Of no meaning for numbers; taken as every task's loss takes it.

        Returns
        -------
        Tensor of shape (B,)
            The losses, averaged over the targets that are known.
        """
        known = ~targets.isnan()
        errors = torch.where(known, targets - outputs, 0)
        losses = LOSSES[self.loss_name](errors, self)
        return losses.sum(dim=1) / known.sum(dim=1).clamp(min=1)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the negative loss of each image: greater is better.

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
        ndarray of shape (n,) or (n, n_outputs)
            With as many axes as the targets learned from, and of their type.
        """
        standardised = outputs.to(torch.float64).numpy()
        y = standardised.reshape(-1, *self.center.shape) * self.spread + self.center
        return y.astype(self.dtype)

    def named_answers(self, outputs: Tensor) -> dict[str, Tensor]:
        """Return what the raw numbers say, as tensors by name.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_outputs)
            Raw numbers.

        Returns
        -------
        dict of str to Tensor
            "predictions" in the units of the targets, with as many axes and of their
            type: beside a large centre, float32 would lose the spread.
        """
        spread, center = (
            torch.as_tensor(values, dtype=torch.float64, device=outputs.device)
            for values in (self.spread, self.center)
        )
        dtype = getattr(torch, self.dtype.name)
        standardised = outputs.double().unflatten(1, self.center.shape or (1,))
        if not self.center.ndim:
            standardised = standardised[:, 0]
        return {"predictions": (standardised * spread + center).to(dtype)}
