"""Tasks: answers encoded as numbers, the loss, and raw numbers decoded as answers."""

from skmultigran.tasks._classification import ClassificationTask
from skmultigran.tasks._regression import RegressionTask

__all__ = ["ClassificationTask", "RegressionTask"]
