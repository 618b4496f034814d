"""The scikit-learn way to do deep vision: networks that see many granularities."""

from skmultigran._levels import Level
from skmultigran._registry import (
    register_backbone,
    register_fusion,
    register_head,
)
from skmultigran.backbones import (
    ConvNetBackbone,
    EfficientNetLite0Backbone,
    EfficientNetLite1Backbone,
    EfficientNetLite2Backbone,
    MultiColumnBackbone,
    ScaleSpaceBackbone,
    ScatteringBackbone,
    TimmBackbone,
    TorchvisionBackbone,
)
from skmultigran.estimators import (
    HypercolumnTransformer,
    MultiGranularityClassifier,
    MultiGranularityDetector,
    MultiGranularityMultiTask,
    MultiGranularityRegressor,
    MultiGranularitySegmenter,
    MultiGranularityTransformer,
)
from skmultigran.feature_cache import FeatureCache
from skmultigran.fusions import (
    AttentionFusion,
    BiFPNFusion,
    ConcatFusion,
    FPNFusion,
    GatedFusion,
    PAFPNFusion,
    SumFusion,
    WeightedFusion,
)
from skmultigran.heads import BoxHead, DenseHead, PooledHead
from skmultigran.preprocessing import (
    ForegroundSegmenter,
    ImageDenoiser,
    ImageEnhancer,
    ImageReader,
    ImageResizer,
)
from skmultigran.training import ProgressiveTraining, Training

__version__ = "0.1.0.dev0"

__all__ = [
    "AttentionFusion",
    "BiFPNFusion",
    "BoxHead",
    "ConcatFusion",
    "ConvNetBackbone",
    "DenseHead",
    "EfficientNetLite0Backbone",
    "EfficientNetLite1Backbone",
    "EfficientNetLite2Backbone",
    "FPNFusion",
    "FeatureCache",
    "ForegroundSegmenter",
    "GatedFusion",
    "HypercolumnTransformer",
    "ImageDenoiser",
    "ImageEnhancer",
    "ImageReader",
    "ImageResizer",
    "Level",
    "MultiColumnBackbone",
    "MultiGranularityClassifier",
    "MultiGranularityDetector",
    "MultiGranularityMultiTask",
    "MultiGranularityRegressor",
    "MultiGranularitySegmenter",
    "MultiGranularityTransformer",
    "PAFPNFusion",
    "PooledHead",
    "ProgressiveTraining",
    "ScaleSpaceBackbone",
    "ScatteringBackbone",
    "SumFusion",
    "TimmBackbone",
    "TorchvisionBackbone",
    "Training",
    "WeightedFusion",
    "register_backbone",
    "register_fusion",
    "register_head",
]
