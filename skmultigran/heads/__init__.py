"""Heads: fused maps to the raw numbers of an answer."""

from skmultigran.heads._boxes import BoxHead
from skmultigran.heads._dense import Dense, DenseHead
from skmultigran.heads._exits import Exits
from skmultigran.heads._hypercolumns import HypercolumnHead, Hypercolumns
from skmultigran.heads._pooled import (
    GridPooling,
    Pooled,
    PooledFeatures,
    PooledHead,
)
from skmultigran.heads._several import (
    SeveralMapHeads,
    SeveralOnMaps,
    SeveralPooled,
    SeveralPooledHeads,
)
from skmultigran.heads._strides import DistinctStrides

__all__ = [
    "BoxHead",
    "Dense",
    "DenseHead",
    "DistinctStrides",
    "Exits",
    "GridPooling",
    "HypercolumnHead",
    "Hypercolumns",
    "Pooled",
    "PooledFeatures",
    "PooledHead",
    "SeveralMapHeads",
    "SeveralOnMaps",
    "SeveralPooled",
    "SeveralPooledHeads",
]
