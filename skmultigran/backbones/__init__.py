"""Backbones: images `(B, C, H, W)` to one map per level, from fine to coarse."""

from skmultigran.backbones._base import Backbone, BackboneRecipe
from skmultigran.backbones._convnet import ConvNetBackbone

__all__ = ["Backbone", "BackboneRecipe", "ConvNetBackbone"]
