"""Tasks: answers encoded as numbers, the loss, and raw numbers decoded as answers."""

from skmultigran.tasks._classification import ClassificationTask
from skmultigran.tasks._regression import RegressionTask
from skmultigran.tasks._segmentation import (
    SEGMENTATION_LOSSES,
    SegmentationTask,
    pixel_weights,
)

__all__ = [
    "SEGMENTATION_LOSSES",
    "ClassificationTask",
    "RegressionTask",
    "SegmentationTask",
    "pixel_weights",
]
