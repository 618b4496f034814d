"""The one rule for sample weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmultigran._support import check_sample_weight


def positive_rows(
    sample_weight: Any, X: Any, owner: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows with a positive weight, and their weights.

    Parameters
    ----------
    sample_weight : array-like of shape (n,), float or None
        Weights as the user gave them; None: one each.
    X : array-like of length n
        The images, for the number of rows.
    owner : str
        Name of the estimator, for the messages.

    Returns
    -------
    rows : ndarray of int
        Rows to learn from: a weight of zero equals absence.
    weights : ndarray of float64
        Their weights.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or if all are zero.
    """
    weights = np.asarray(
        check_sample_weight(
            sample_weight,
            # Images are no array, which scikit-learn asks for where it dispatches by
            # the array API.
            np.arange(len(X)),
            dtype=np.float64,
            allow_all_zero_weights=True,
        )
    )
    if (weights < 0).any():
        row = int(np.flatnonzero(weights < 0)[0])
        raise ValueError(
            f"Negative values in sample_weight: row {row} has {weights[row]}. {owner} "
            "needs weights of zero or more."
        )
    rows = np.flatnonzero(weights)
    if len(rows) == 0:
        raise ValueError(
            f"All sample_weight are zero: {owner} has nothing to learn from. At least "
            "one weight must be positive."
        )
    return rows, weights[rows]


def scaled_to_mean_one(weights: np.ndarray) -> np.ndarray:
    """Return weights over their mean, once over the training set, never per batch.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Non-negative weights.

    Returns
    -------
    ndarray of float32 of shape (n,)
        Exactly one each where all weights are equal.
    """
    if (weights == weights[0]).all():
        return np.ones(len(weights), dtype=np.float32)
    return (weights / weights.mean()).astype(np.float32)
