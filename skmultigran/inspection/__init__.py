"""What each granularity contributes: importances, weights, maps and pictures."""

from skmultigran.inspection._detection_display import DetectionDisplay
from skmultigran.inspection._fusion_weights_display import FusionWeightsDisplay
from skmultigran.inspection._importance import granularity_importance
from skmultigran.inspection._importance_display import GranularityImportanceDisplay
from skmultigran.inspection._map_display import GranularityMapDisplay
from skmultigran.inspection._maps import granularity_maps
from skmultigran.inspection._segmentation_display import SegmentationDisplay
from skmultigran.inspection._selection import select_granularities
from skmultigran.inspection._similarity import granularity_similarity
from skmultigran.inspection._similarity_display import GranularitySimilarityDisplay
from skmultigran.inspection._staged_accuracy_display import StagedAccuracyDisplay
from skmultigran.inspection._training_history_display import TrainingHistoryDisplay
from skmultigran.inspection._weights import granularity_weights

__all__ = [
    "DetectionDisplay",
    "FusionWeightsDisplay",
    "GranularityImportanceDisplay",
    "GranularityMapDisplay",
    "GranularitySimilarityDisplay",
    "SegmentationDisplay",
    "StagedAccuracyDisplay",
    "TrainingHistoryDisplay",
    "granularity_importance",
    "granularity_maps",
    "granularity_similarity",
    "granularity_weights",
    "select_granularities",
]
