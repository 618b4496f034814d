"""Heads: fused maps to the raw numbers of an answer."""

from skmultigran.heads._pooled import GridPooling, Pooled, PooledHead

__all__ = ["GridPooling", "Pooled", "PooledHead"]
