"""Checks of the promises that users' own parts and estimators make."""

from skmultigran._checks import (
    check_backbone,
    check_dense_estimator,
    check_fusion,
    check_multi_task_estimator,
    dense_estimator_checks,
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
