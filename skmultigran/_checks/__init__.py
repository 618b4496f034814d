"""Checks of the promises that users' own parts and estimators make."""

from skmultigran._checks._backbone import check_backbone
from skmultigran._checks._dense import check_dense_estimator, dense_estimator_checks
from skmultigran._checks._fusion import check_fusion

__all__ = [
    "check_backbone",
    "check_dense_estimator",
    "check_fusion",
    "dense_estimator_checks",
]
