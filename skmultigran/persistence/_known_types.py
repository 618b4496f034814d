"""What a file of `save_model` may ask for without being trusted.

Reading a file may call a type with arguments of the file's choice. Constructors of
estimators and recipes only store, and so do those of the few types named here. Nothing
is imported for the sake of a file.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath

import sklearn.metrics
import sklearn.model_selection

from skmultigran._network import NetworkRecipe, Normalisation
from skmultigran._recipe import Recipe
from skmultigran.estimators import BaseMultiGranularity, HypercolumnTransformer
from skmultigran.images import ValueRange
from skmultigran.metrics import mean_average_precision_score, mean_iou_score
from skmultigran.preprocessing import (
    ForegroundSegmenter,
    ImageDenoiser,
    ImageEnhancer,
    ImageReader,
    ImageResizer,
)
from skmultigran.tasks import (
    ClassificationTask,
    DetectionTask,
    MultiLabelTask,
    MultiOutputTask,
    RegressionTask,
    SegmentationTask,
    SeveralTasks,
)

_BASES = (Recipe, BaseMultiGranularity)
_OURS = (
    HypercolumnTransformer,
    ForegroundSegmenter,
    ImageDenoiser,
    ImageEnhancer,
    ImageReader,
    ImageResizer,
    NetworkRecipe,
    Normalisation,
    ValueRange,
    ClassificationTask,
    DetectionTask,
    MultiLabelTask,
    MultiOutputTask,
    RegressionTask,
    SegmentationTask,
    SeveralTasks,
)
# Metrics of this package, which no name of scikit-learn covers.
_METRICS = (mean_average_precision_score, mean_iou_score)
# As `memory` and `file` may be; Python's versions have them in different modules.
_PATHS = (PosixPath, PurePosixPath, PureWindowsPath, WindowsPath)
# What fitted searches, calibrated, thresholded and stacked models of scikit-learn are
# made of besides estimators.
_NAMES = {
    "numpy.dtype",
    "skmultigran.metrics._scorers._MaskScorer",
    "skmultigran.metrics._task_scorer._TaskScorer",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._MultimetricScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
}


def is_known(name: str) -> bool:
    """Tell whether a type or function is known to do no harm.

    Parameters
    ----------
    name : str
        Its full name, as a file gives it.

    Returns
    -------
    bool
        Whether it is an estimator, recipe, task or metric of this package, a metric or
        splitter of scikit-learn, a path, or one of the few types that its models are
        made of.

    Examples
    --------
    >>> from skmultigran.persistence._known_types import is_known
    >>> is_known("skmultigran.fusions._sum.SumFusion"), is_known("os.system")
    (True, False)
    """
    module, _, attribute = name.rpartition(".")
    found = getattr(sys.modules.get(module), attribute, None)
    # Where it was defined, not where it was imported to.
    if getattr(found, "__module__", None) != module:
        return False
    # Not by equality, which objects may define as they like.
    listed = any(found is known for known in (*_OURS, *_METRICS, *_PATHS))
    return listed or name in _NAMES or _is_derived(found) or _is_of_searches(found)


def _is_derived(found) -> bool:
    ours = isinstance(found, type) and found.__module__.split(".")[0] == "skmultigran"
    return ours and issubclass(found, _BASES)


def _is_of_searches(found) -> bool:
    name = getattr(found, "__name__", "")
    if inspect.isfunction(found):
        return getattr(sklearn.metrics, name, None) is found
    splits = hasattr(found, "split") and hasattr(found, "get_n_splits")
    return splits and getattr(sklearn.model_selection, name, None) is found
