"""Tasks: answers encoded as numbers, the loss, and raw numbers decoded as answers."""

from skmultigran.tasks._classification import ClassificationTask

__all__ = ["ClassificationTask"]
