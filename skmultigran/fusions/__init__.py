"""Fusions (necks): a list of maps in, a list of fused maps out."""

from skmultigran.fusions._attention import AttentionFusion
from skmultigran.fusions._base import Fusion, FusionRecipe
from skmultigran.fusions._concat import ConcatFusion
from skmultigran.fusions._fpn import FPNFusion

__all__ = ["AttentionFusion", "ConcatFusion", "FPNFusion", "Fusion", "FusionRecipe"]
