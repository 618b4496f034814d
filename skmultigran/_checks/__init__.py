"""Checks of the promises that users' own parts and estimators make."""

from skmultigran._checks._backbone import check_backbone
from skmultigran._checks._dense import check_dense_estimator, dense_estimator_checks
from skmultigran._checks._fusion import check_fusion
from skmultigran._checks._multi_task import (
    check_multi_task_estimator,
    multi_task_estimator_checks,
)

__all__ = [
    "check_backbone",
    "check_dense_estimator",
    "check_fusion",
    "check_multi_task_estimator",
    "dense_estimator_checks",
    "multi_task_estimator_checks",
]
