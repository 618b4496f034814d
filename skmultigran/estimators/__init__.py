"""Estimators: ordinary scikit-learn on the outside."""

from skmultigran.estimators._base import BaseMultiGranularity
from skmultigran.estimators._classifier import MultiGranularityClassifier
from skmultigran.estimators._detector import MultiGranularityDetector
from skmultigran.estimators._exit_threshold import exit_stages, thresholds_to_try
from skmultigran.estimators._fusion_shares import fusion_shares
from skmultigran.estimators._hypercolumns import HypercolumnTransformer
from skmultigran.estimators._multi_task import MultiGranularityMultiTask
from skmultigran.estimators._reading import read_images
from skmultigran.estimators._regressor import MultiGranularityRegressor
from skmultigran.estimators._segmenter import MultiGranularitySegmenter
from skmultigran.estimators._transformer import MultiGranularityTransformer

__all__ = [
    "BaseMultiGranularity",
    "HypercolumnTransformer",
    "MultiGranularityClassifier",
    "MultiGranularityDetector",
    "MultiGranularityMultiTask",
    "MultiGranularityRegressor",
    "MultiGranularitySegmenter",
    "MultiGranularityTransformer",
    "exit_stages",
    "fusion_shares",
    "read_images",
    "thresholds_to_try",
]
