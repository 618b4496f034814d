"""Metrics of masks and boxes by name, for scikit-learn's searches."""

from __future__ import annotations

import difflib

from sklearn.metrics import make_scorer

from skmultigran.metrics._mean_average_precision import mean_average_precision_score
from skmultigran.metrics._mean_iou import mean_iou_score

SCORERS = {
    "mean_average_precision": (mean_average_precision_score, {}),
    "mean_average_precision_50": (mean_average_precision_score, {"iou_threshold": 0.5}),
    "mean_iou": (mean_iou_score, {}),
}


def get_scorer_names():
    """Get the names that `get_scorer` knows.

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

    For other parameters use `sklearn.metrics.make_scorer`, as in
    `make_scorer(mean_iou_score, ignore_label=255)`.

    Parameters
    ----------
    scoring : {"mean_average_precision", "mean_average_precision_50", "mean_iou"}
        Its name.

    Returns
    -------
    callable
        A scorer, called as `scorer(estimator, X, y)`: what `make_scorer` of
        scikit-learn makes, so it takes part in metadata routing.

    Raises
    ------
    ValueError
        If there is no scorer of that name.

    Examples
    --------
    >>> from skmultigran.metrics import get_scorer
    >>> get_scorer("mean_iou")
    make_scorer(mean_iou_score, response_method='predict')
    """
    if scoring not in SCORERS:
        near = difflib.get_close_matches(str(scoring), SCORERS, n=1, cutoff=0)
        raise ValueError(
            f"get_scorer got scoring={scoring!r}; did you mean {near[0]!r}? Known "
            f"names: {get_scorer_names()}. For scikit-learn's own use its get_scorer."
        )
    metric, parameters = SCORERS[scoring]
    return make_scorer(metric, **parameters)
