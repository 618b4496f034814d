"""One score per task, as the estimator of that task alone would have it."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import accuracy_score, r2_score

from skmultigran.metrics import mean_iou_score
from skmultigran.tasks import MultiLabelTask, RegressionTask, SegmentationTask


def task_score(task, y_true, y_pred, weights):
    """Return the score of one task.

    Parameters
    ----------
    task : task
        Its task.
    y_true : ndarray of length n
        Answers, all known.
    y_pred : ndarray of length n
        Predicted answers.
    weights : ndarray of shape (n,) or None
        Weights of the images.

    Returns
    -------
    float
        The accuracy; of labels the share of images that have all right; of numbers R²;
        of masks the mean intersection over union.
    """
    if isinstance(task, RegressionTask):
        return _r2(y_true, y_pred, weights)
    if isinstance(task, MultiLabelTask):
        right = ((y_true == y_pred) | np.isnan(y_true)).all(axis=1)
        return float(np.average(right, weights=weights))
    if isinstance(task, SegmentationTask):
        return mean_iou_score(
            y_true, y_pred, ignore_label=task.ignore_label, sample_weight=weights
        )
    return float(accuracy_score(y_true, y_pred, sample_weight=weights))


def _r2(y_true, y_pred, weights):
    """Return R², of several numbers the mean over those of which some are known."""
    columns = np.atleast_2d(y_true.T), np.atleast_2d(y_pred.T)
    scores = []
    for true, predicted in zip(*columns, strict=True):
        known = ~np.isnan(true)
        if known.any():
            weight = None if weights is None else weights[known]
            scores.append(r2_score(true[known], predicted[known], sample_weight=weight))
    return float(np.mean(scores))
