"""The scikit-learn way to do deep vision: networks that see many granularities."""

from skmultigran._levels import Level
from skmultigran._registry import (
    register_backbone,
    register_fusion,
    register_head,
)
from skmultigran.backbones import (
    ConvNetBackbone,
    MultiColumnBackbone,
    TorchvisionBackbone,
)
from skmultigran.fusions import AttentionFusion, ConcatFusion, FPNFusion

__version__ = "0.1.0.dev0"

__all__ = [
    "AttentionFusion",
    "ConcatFusion",
    "ConvNetBackbone",
    "FPNFusion",
    "Level",
    "MultiColumnBackbone",
    "TorchvisionBackbone",
    "register_backbone",
    "register_fusion",
    "register_head",
]
