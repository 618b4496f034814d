"""Estimators: ordinary scikit-learn on the outside."""

from skmultigran.estimators._classifier import MultiGranularityClassifier

__all__ = ["MultiGranularityClassifier"]
