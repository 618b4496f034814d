"""Heads: fused maps to the raw numbers of an answer."""

from skmultigran.heads._pooled import (
    GridPooling,
    Pooled,
    PooledFeatures,
    PooledHead,
)

__all__ = ["GridPooling", "Pooled", "PooledFeatures", "PooledHead"]
