"""The scikit-learn way to do deep vision: networks that see many granularities."""

from skmultigran._levels import Level
from skmultigran._registry import (
    register_backbone,
    register_fusion,
    register_head,
)
from skmultigran._version import __version__ as __version__
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
from skmultigran.persistence import export_onnx, load_model, save_model
from skmultigran.preprocessing import (
    ForegroundSegmenter,
    ImageDenoiser,
    ImageEnhancer,
    ImageReader,
    ImageResizer,
)
from skmultigran.training import ClosedFormTraining, ProgressiveTraining, Training

__all__ = [
    "AttentionFusion",
    "BiFPNFusion",
    "BoxHead",
    "ClosedFormTraining",
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
    "export_onnx",
    "load_model",
    "register_backbone",
    "register_fusion",
    "register_head",
    "save_model",
]
