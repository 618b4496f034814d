"""Scores of masks and boxes, as scikit-learn's metrics."""

from skmultigran.metrics._mean_iou import mean_iou_score

__all__ = ["mean_iou_score"]
