"""Fusions (necks): a list of maps in, a list of fused maps out."""

from skmultigran.fusions._attention import AttentionFusion
from skmultigran.fusions._base import Fusion, FusionRecipe
from skmultigran.fusions._bifpn import BiFPNFusion
from skmultigran.fusions._concat import ConcatFusion
from skmultigran.fusions._fpn import FPNFusion
from skmultigran.fusions._gated import GatedFusion
from skmultigran.fusions._pafpn import PAFPNFusion
from skmultigran.fusions._parallel import Parallel, ParallelFusions
from skmultigran.fusions._sum import SumFusion
from skmultigran.fusions._weighted import WeightedFusion

__all__ = [
    "AttentionFusion",
    "BiFPNFusion",
    "ConcatFusion",
    "FPNFusion",
    "Fusion",
    "FusionRecipe",
    "GatedFusion",
    "PAFPNFusion",
    "Parallel",
    "ParallelFusions",
    "SumFusion",
    "WeightedFusion",
]
