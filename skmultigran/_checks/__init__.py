"""Checks of the promises that users' own parts make."""

from skmultigran._checks._backbone import check_backbone
from skmultigran._checks._fusion import check_fusion

__all__ = ["check_backbone", "check_fusion"]
