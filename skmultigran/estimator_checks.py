"""Checks of the promises that users' own parts and estimators make."""

from skmultigran._checks import check_backbone, check_fusion

__all__ = ["check_backbone", "check_fusion"]
