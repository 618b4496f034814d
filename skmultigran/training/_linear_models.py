"""Linear models in closed form: shrunken discriminants and ridge regression.

Both need a covariance of the columns, which a few hundred images do not tell for
thousands of columns. It is therefore drawn towards a multiple of the identity: with a
shrinkage `s` it is `(1 - s) * S + s * mean_variance * I`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional

# Of standardised columns: less is rounding.
_NO_VARIANCE = 1e-10
_LOG_FACTORS = (-9.0, 3.0)


class LinearModel(NamedTuple):
    """What a linear map of columns needs.

    Parameters
    ----------
    weight : Tensor of shape (n_columns, n_outputs)
        Its weights.
    bias : Tensor of shape (n_outputs,)
        Its biases.
    """

    weight: Tensor
    bias: Tensor

    def outputs(self, columns: Tensor) -> Tensor:
        """Return the raw numbers `(n, n_outputs)` of columns `(n, n_columns)`."""
        return columns @ self.weight + self.bias


class LinearSolver(Protocol):
    """A kind of linear model that has a closed form."""

    def solve(
        self,
        columns: Tensor,
        targets: Tensor,
        weights: Tensor,
        shrinkages: Sequence[float],
    ) -> list[LinearModel]:
        """Return one model of columns `(n, n_columns)` per shrinkage."""

    def calibrated(
        self, outputs: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[float, float]:
        """Return the factor of the outputs with the least mean loss, and the loss."""

    def order(self, targets: Tensor) -> Tensor:
        """Return the rows in an order of which every k-th row is a fair sample."""


class DiscriminantSolver:
    """Linear discriminant analysis with a shrunken covariance within classes [1]_.

    Parameters
    ----------
    n_classes : int
        Number of classes.

    References
    ----------
    .. [1] J. H. Friedman, "Regularized Discriminant Analysis", Journal of the American
       Statistical Association 84, 1989.
    """

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes

    def solve(
        self,
        columns: Tensor,
        targets: Tensor,
        weights: Tensor,
        shrinkages: Sequence[float],
    ) -> list[LinearModel]:
        """Return the log-odds of the classes as linear models.

        Parameters
        ----------
        columns : Tensor of shape (n, n_columns)
            The columns.
        targets : Tensor of int64 of shape (n,)
            Class numbers.
        weights : Tensor of shape (n,)
            Positive weights.
        shrinkages : sequence of float
            How much of the covariance is the identity's, in (0, 1].

        Returns
        -------
        list of LinearModel
            One model per shrinkage. A class without a row is never predicted.
        """
        members = functional.one_hot(targets, self.n_classes).to(columns)
        members = members * weights[:, None]
        counts = members.sum(0)
        means = members.T @ columns / counts.clamp_min(1e-12)[:, None]
        within = (columns - means[targets]).mul_(weights.sqrt()[:, None])
        priors = (counts / counts.sum()).log()
        return [
            LinearModel(weight, priors - (means.T * weight).sum(0) / 2)
            for weight in _solved(within, weights.sum(), shrinkages, means.T)
        ]

    def calibrated(
        self, outputs: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[float, float]:
        """Return the factor of the logits with the least cross-entropy, and this.

        Parameters
        ----------
        outputs : Tensor of shape (n, n_classes)
            Logits of images that were not learned from.
        targets : Tensor of int64 of shape (n,)
            Class numbers.
        weights : Tensor of shape (n,)
            Weights.

        Returns
        -------
        factor, loss : float
            The factor, and the mean loss with it.
        """
        known = outputs.gather(1, targets[:, None]).isfinite()[:, 0]
        outputs, targets, weights = outputs[known], targets[known], weights[known]
        if not len(outputs):
            return 1.0, math.inf

        def loss(log_factor: float) -> float:
            scaled = outputs * math.exp(log_factor)
            losses = functional.cross_entropy(scaled, targets, reduction="none")
            return float((losses * weights).sum() / weights.sum())

        found = minimize_scalar(loss, bounds=_LOG_FACTORS, method="bounded")
        return math.exp(found.x), float(found.fun)

    def order(self, targets: Tensor) -> Tensor:
        """Return the rows class by class, in their order within a class.

        Parameters
        ----------
        targets : Tensor of int64 of shape (n,)
            Class numbers.

        Returns
        -------
        Tensor of int64 of shape (n,)
            Positions.
        """
        return targets.argsort(stable=True)


class RidgeSolver:
    """Ridge regression, its penalty given as a shrinkage of the covariance."""

    def solve(
        self,
        columns: Tensor,
        targets: Tensor,
        weights: Tensor,
        shrinkages: Sequence[float],
    ) -> list[LinearModel]:
        """Return the targets as linear models.

        Parameters
        ----------
        columns : Tensor of shape (n, n_columns)
            The columns.
        targets : Tensor of shape (n, n_outputs)
            Numbers.
        weights : Tensor of shape (n,)
            Positive weights.
        shrinkages : sequence of float
            How much of the covariance is the identity's, in (0, 1].

        Returns
        -------
        list of LinearModel
            One model per shrinkage.
        """
        total, targets = weights.sum(), targets.to(columns)
        center = weights @ targets / total
        mean = weights @ columns / total
        roots = weights.sqrt()[:, None]
        centered = (columns - mean).mul_(roots)
        products = centered.T @ ((targets - center) * roots) / total
        solved = _solved(centered, total, shrinkages, products)
        scaled = [
            (1 - s) * weight for s, weight in zip(shrinkages, solved, strict=True)
        ]
        return [LinearModel(weight, center - mean @ weight) for weight in scaled]

    def calibrated(
        self, outputs: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[float, float]:
        """Return the factor one and the mean squared error.

        Parameters
        ----------
        outputs, targets : Tensor of shape (n, n_outputs)
            Numbers that were predicted, and the true ones.
        weights : Tensor of shape (n,)
            Weights.

        Returns
        -------
        factor, loss : float
            One, and the mean loss.
        """
        errors = (outputs - targets.to(outputs)).square().mean(1)
        return 1.0, float((errors * weights).sum() / weights.sum())

    def order(self, targets: Tensor) -> Tensor:
        """Return the rows by rising first target.

        Parameters
        ----------
        targets : Tensor of shape (n, n_outputs)
            Numbers.

        Returns
        -------
        Tensor of int64 of shape (n,)
            Positions.
        """
        return targets[:, 0].argsort(stable=True)


def _solved(
    rows: Tensor, total: Tensor, shrinkages: Sequence[float], right: Tensor
) -> list[Tensor]:
    """Return the inverse of each shrunken covariance of `rows` times `right`."""
    n, n_columns = rows.shape
    variance = float(torch.linalg.vector_norm(rows) ** 2 / total / n_columns)
    if not variance > _NO_VARIANCE:
        return [right] * len(shrinkages)  # no spread: all directions count alike
    # Of as many unknowns as there are columns or rows, whichever are fewer.
    wide = n_columns > n
    products = (rows @ rows.T if wide else rows.T @ rows) / total
    found = []
    for shrinkage in shrinkages:
        ridge = shrinkage * variance
        matrix = (1 - shrinkage) * products
        matrix.diagonal().add_(ridge)
        factor = _cholesky(matrix, shrinkage)
        if wide:  # Woodbury's identity
            inner = torch.cholesky_solve(rows @ right, factor)
            seen = rows.T @ (inner * ((1 - shrinkage) / total))
            found.append((right - seen) / ridge)
        else:
            found.append(torch.cholesky_solve(right, factor))
    return found


def _cholesky(matrix: Tensor, shrinkage: float) -> Tensor:
    factor, problem = torch.linalg.cholesky_ex(matrix)
    if problem:
        raise ValueError(
            f"ClosedFormTraining got shrinkage={shrinkage:g}, which is too small for "
            "these images: their covariance cannot be inverted. Take a larger one, or "
            "'auto'."
        )
    return factor
