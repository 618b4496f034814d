"""Backbones: images `(B, C, H, W)` to one map per level, from fine to coarse."""

from skmultigran.backbones._base import Backbone, BackboneRecipe
from skmultigran.backbones._convnet import ConvNetBackbone
from skmultigran.backbones._efficientnet_lite import (
    EfficientNetLite0Backbone,
    EfficientNetLite1Backbone,
    EfficientNetLite2Backbone,
)
from skmultigran.backbones._multicolumn import MultiColumnBackbone
from skmultigran.backbones._scale_space import ScaleSpaceBackbone
from skmultigran.backbones._scattering import ScatteringBackbone
from skmultigran.backbones._timm import TimmBackbone
from skmultigran.backbones._torchvision import TorchvisionBackbone

__all__ = [
    "Backbone",
    "BackboneRecipe",
    "ConvNetBackbone",
    "EfficientNetLite0Backbone",
    "EfficientNetLite1Backbone",
    "EfficientNetLite2Backbone",
    "MultiColumnBackbone",
    "ScaleSpaceBackbone",
    "ScatteringBackbone",
    "TimmBackbone",
    "TorchvisionBackbone",
]
