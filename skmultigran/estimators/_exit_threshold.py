"""From which probability on an answer is sure: what it costs, and the choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

# Of many different probabilities so many, evenly spread, are tried.
_THRESHOLDS_TRIED = 1000


def first_sure(
    outputs: Sequence[Tensor], is_sure: Callable[[Tensor], Tensor]
) -> tuple[Tensor, np.ndarray]:
    """Return the first answer of each image that is sure, or else the last.

    Parameters
    ----------
    outputs : sequence of Tensor of shape (n, n_outputs)
        The answers of all stages.
    is_sure : callable
        Outputs `(n, n_outputs)` to booleans `(n,)`.

    Returns
    -------
    outputs : Tensor of shape (n, n_outputs)
        The answers.
    ends : ndarray of int of shape (n,)
        Number of the stage that each answer is of.
    """
    sure = torch.stack([is_sure(answers) for answers in outputs], dim=1)
    sure[:, -1] = True
    ends = sure.int().argmax(dim=1)  # the first of the largest
    return torch.stack(list(outputs))[ends, torch.arange(len(ends))], ends.numpy()


def exit_stages(confidences: np.ndarray, threshold: float) -> np.ndarray:
    """Return the stage at which each image ends.

    Parameters
    ----------
    confidences : ndarray of shape (n, n_stages - 1)
        How sure the answers of all stages but the last are.
    threshold : float
        From where on an answer is sure.

    Returns
    -------
    ndarray of int of shape (n,)
        Numbers of stages.
    """
    sure = np.column_stack([confidences >= threshold, np.ones(len(confidences), bool)])
    return sure.argmax(axis=1)


def thresholds_to_try(confidences: np.ndarray) -> np.ndarray:
    """Return thresholds, falling, between which some image ends at another stage.

    Parameters
    ----------
    confidences : ndarray of shape (n, n_stages - 1)
        How sure the answers are.

    Returns
    -------
    ndarray of shape (n_thresholds,)
        Each lies halfway between two confidences, so that last bits do not matter.
    """
    found = np.unique(confidences.astype(np.float64))
    if len(found) > _THRESHOLDS_TRIED:
        chosen = np.linspace(0, len(found) - 1, _THRESHOLDS_TRIED)
        found = found[chosen.round().astype(int)]
    return ((found + np.concatenate([found[:1], found[:-1]])) / 2)[::-1]


def lowest_threshold(
    confidences: np.ndarray, right: np.ndarray, tolerance: float
) -> float | None:
    """Return the lowest threshold that costs no more accuracy than is tolerated.

    Parameters
    ----------
    confidences : ndarray of shape (n, n_stages - 1)
        How sure the answers of all stages but the last are.
    right : ndarray of shape (n, n_stages)
        Whether the answers are right.
    tolerance : float
        Accuracy that may be lost.

    Returns
    -------
    float or None
        The lowest threshold for which this holds, and holds for all higher ones that
        were tried; None if there is none.
    """
    enough = right[:, -1].sum() - tolerance * len(right) - 1e-6
    rows, chosen = np.arange(len(right)), None
    for threshold in thresholds_to_try(confidences):
        if right[rows, exit_stages(confidences, threshold)].sum() < enough:
            break
        chosen = float(threshold)
    return chosen
