"""Metrics of masks and boxes by name, for scikit-learn's searches."""

from __future__ import annotations

import copy
import difflib

from sklearn.metrics import make_scorer

from skmultigran._support import Scorer
from skmultigran.metrics._mean_average_precision import mean_average_precision_score
from skmultigran.metrics._mean_iou import mean_iou_score


class _MaskScorer(Scorer):
    """A scorer of masks that ignores what the `score` of the estimator ignores."""

    def __repr__(self):
        return "get_scorer('mean_iou')"

    def _score(self, method_caller, estimator, X, y_true, **kwargs):
        owner = owner_of("ignore_label", estimator)
        kwargs = {"ignore_label": getattr(owner, "ignore_label", None)} | kwargs
        return super()._score(method_caller, estimator, X, y_true, **kwargs)


SCORERS = {
    "mean_average_precision": make_scorer(mean_average_precision_score),
    "mean_average_precision_50": make_scorer(
        mean_average_precision_score, iou_threshold=0.5
    ),
    "mean_iou": _MaskScorer(mean_iou_score, 1, {}),
}


def owner_of(name, estimator):
    """Return the estimator that has an attribute, asked for within a model.

    Parameters
    ----------
    name : str
        The attribute.
    estimator : estimator
        It, a pipeline that ends in it, or a fitted search over such.

    Returns
    -------
    estimator or None
        The innermost one; None if none has it.
    """
    while not hasattr(estimator, name):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return None
    return estimator


def get_scorer_names():
    """Get the names accepted by `get_scorer`.

    Returns
    -------
    list of str
        The names.

    Examples
    --------
    >>> from skmultigran.metrics import get_scorer_names
    >>> get_scorer_names()
    ['mean_average_precision', 'mean_average_precision_50', 'mean_iou']
    """
    return sorted(SCORERS)


def get_scorer(scoring):
    """Get a scorer of masks or boxes for `scoring=` of scikit-learn.

    "mean_iou" ignores the `ignore_label` of the estimator, or of the last step of a
    pipeline. For other parameters use `sklearn.metrics.make_scorer`, as in
    `make_scorer(mean_iou_score, labels=[1])`.

    Parameters
    ----------
    scoring : {"mean_average_precision", "mean_average_precision_50", "mean_iou"}
        Name of the scorer.

    Returns
    -------
    callable
        A scorer, called as `scorer(estimator, X, y)`, like those made by `make_scorer`
        of scikit-learn, so it supports metadata routing.

    Raises
    ------
    ValueError
        If there is no scorer of that name.

    Examples
    --------
    >>> from skmultigran.metrics import get_scorer
    >>> get_scorer("mean_iou")
    get_scorer('mean_iou')
    """
    if scoring not in SCORERS:
        near = difflib.get_close_matches(str(scoring), SCORERS, n=1, cutoff=0)
        raise ValueError(
            f"get_scorer got scoring={scoring!r}; did you mean {near[0]!r}? Known "
            f"names: {get_scorer_names()}. For scikit-learn's own use its get_scorer."
        )
    return copy.deepcopy(SCORERS[scoring])
