"""Scores of masks and boxes, as scikit-learn's metrics."""

from skmultigran.metrics._mean_average_precision import mean_average_precision_score
from skmultigran.metrics._mean_iou import mean_iou_score
from skmultigran.metrics._scorers import get_scorer, get_scorer_names
from skmultigran.metrics._task_scorer import make_task_scorer

__all__ = [
    "get_scorer",
    "get_scorer_names",
    "make_task_scorer",
    "mean_average_precision_score",
    "mean_iou_score",
]
