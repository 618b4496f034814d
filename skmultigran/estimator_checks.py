"""Checks of the promises that users' own parts and estimators make."""

from skmultigran._checks import (
    check_backbone,
    check_dense_estimator,
    check_fusion,
    dense_estimator_checks,
)

__all__ = [
    "check_backbone",
    "check_dense_estimator",
    "check_fusion",
    "dense_estimator_checks",
]
