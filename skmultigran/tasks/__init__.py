"""Tasks: answers encoded as numbers, the loss, and raw numbers decoded as answers."""

from skmultigran.tasks._classification import ClassificationTask
from skmultigran.tasks._detection import DetectionTask
from skmultigran.tasks._multi_output import MultiOutputTask
from skmultigran.tasks._multilabel import MultiLabelTask
from skmultigran.tasks._regression import LOSSES, RegressionTask
from skmultigran.tasks._segmentation import (
    SEGMENTATION_LOSSES,
    SegmentationTask,
    pixel_weights,
)
from skmultigran.tasks._several import Answers, SeveralTasks

__all__ = [
    "LOSSES",
    "SEGMENTATION_LOSSES",
    "Answers",
    "ClassificationTask",
    "DetectionTask",
    "MultiLabelTask",
    "MultiOutputTask",
    "RegressionTask",
    "SegmentationTask",
    "SeveralTasks",
    "pixel_weights",
]
