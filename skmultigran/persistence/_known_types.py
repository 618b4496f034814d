"""What a file of `save_model` may ask for without being trusted.

Reading a file may call a type with arguments of the file's choice. Constructors of
estimators and recipes only store, and so do those of the few types named here. Nothing
is imported for the sake of a file.
"""

from __future__ import annotations

import inspect
import sys

import sklearn.metrics
import sklearn.model_selection

from skmultigran._network import NetworkRecipe, Normalisation
from skmultigran._recipe import Recipe
from skmultigran.estimators import BaseMultiGranularity, HypercolumnTransformer
from skmultigran.images import ValueRange
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
# What fitted searches, calibrated, thresholded and stacked models of scikit-learn are
# made of besides estimators.
_NAMES = {
    "numpy.dtype",
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
        Whether it is an estimator, recipe or task of this package, a splitter or metric
        of scikit-learn, or one of the few types that its models are made of.

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
    return name in _NAMES or _is_ours(found) or _is_of_searches(found)


def _is_ours(found) -> bool:
    if not isinstance(found, type) or found.__module__.split(".")[0] != "skmultigran":
        return False
    return found in _OURS or issubclass(found, _BASES)


def _is_of_searches(found) -> bool:
    name = getattr(found, "__name__", "")
    if inspect.isfunction(found):
        return getattr(sklearn.metrics, name, None) is found
    splits = hasattr(found, "split") and hasattr(found, "get_n_splits")
    return splits and getattr(sklearn.model_selection, name, None) is found
