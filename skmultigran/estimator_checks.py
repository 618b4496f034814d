"""Checks of the promises that users' own parts and estimators make."""

from skmultigran._checks._backbone import check_backbone

__all__ = ["check_backbone"]
