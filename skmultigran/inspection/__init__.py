"""What each granularity contributes: importances, weights, maps and pictures."""

from skmultigran.inspection._importance import granularity_importance

__all__ = ["granularity_importance"]
