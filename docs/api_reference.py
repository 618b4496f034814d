"""The table of what is public, from which the reference pages are made."""

from pathlib import Path
from typing import NamedTuple


class Section(NamedTuple):
    """A part of the reference: names within a module, under a title."""

    title: str
    module: str
    text: str
    names: tuple[str, ...]


SECTIONS = (
    Section(
        "Estimators",
        "skmultigran",
        "Networks that see many granularities, as scikit-learn estimators.",
        (
            "MultiGranularityClassifier",
            "MultiGranularityRegressor",
            "MultiGranularityMultiTask",
            "MultiGranularitySegmenter",
            "MultiGranularityDetector",
            "MultiGranularityTransformer",
            "HypercolumnTransformer",
        ),
    ),
    Section(
        "Images to images",
        "skmultigran",
        "Transformers for the beginning of a pipeline.",
        (
            "ImageReader",
            "ImageResizer",
            "ImageDenoiser",
            "ImageEnhancer",
            "ForegroundSegmenter",
        ),
    ),
    Section(
        "Backbones",
        "skmultigran",
        "What sees: recipes for `backbone=`.",
        (
            "ConvNetBackbone",
            "EfficientNetLite0Backbone",
            "EfficientNetLite1Backbone",
            "EfficientNetLite2Backbone",
            "TorchvisionBackbone",
            "TimmBackbone",
            "ScatteringBackbone",
            "ScaleSpaceBackbone",
            "MultiColumnBackbone",
        ),
    ),
    Section(
        "Fusions",
        "skmultigran",
        "What joins the granularities: recipes for `fusion=`.",
        (
            "ConcatFusion",
            "SumFusion",
            "WeightedFusion",
            "GatedFusion",
            "AttentionFusion",
            "FPNFusion",
            "PAFPNFusion",
            "BiFPNFusion",
        ),
    ),
    Section(
        "Heads",
        "skmultigran",
        "What answers: recipes for `head=`.",
        ("PooledHead", "DenseHead", "BoxHead"),
    ),
    Section(
        "Training",
        "skmultigran",
        "How weights are learned or solved for, and where features of images are kept.",
        ("Training", "ProgressiveTraining", "ClosedFormTraining", "FeatureCache"),
    ),
    Section(
        "Files",
        "skmultigran",
        "Fitted estimators as files that hold no code, or that run without Python.",
        ("save_model", "load_model", "export_onnx"),
    ),
    Section(
        "Inspection",
        "skmultigran.inspection",
        "What each granularity contributes.",
        (
            "granularity_importance",
            "granularity_maps",
            "granularity_weights",
            "granularity_similarity",
            "select_granularities",
            "GranularityImportanceDisplay",
            "GranularityMapDisplay",
            "FusionWeightsDisplay",
            "GranularitySimilarityDisplay",
            "StagedAccuracyDisplay",
            "TrainingHistoryDisplay",
            "SegmentationDisplay",
            "DetectionDisplay",
        ),
    ),
    Section(
        "Metrics",
        "skmultigran.metrics",
        "Scores of masks, boxes and tasks.",
        (
            "mean_iou_score",
            "mean_average_precision_score",
            "make_task_scorer",
            "get_scorer",
            "get_scorer_names",
        ),
    ),
    Section(
        "Data sets",
        "skmultigran.datasets",
        "Images to try things on.",
        ("fetch_fashion_mnist", "make_digit_scenes"),
    ),
    Section(
        "Parts of one's own",
        "skmultigran",
        "One class and a decorator make a new part, which is then known by its name.",
        ("Level", "register_backbone", "register_fusion", "register_head"),
    ),
    Section(
        "Checks of parts and estimators",
        "skmultigran.estimator_checks",
        "Whether parts of one's own keep the promises.",
        (
            "check_backbone",
            "check_fusion",
            "check_dense_estimator",
            "check_multi_task_estimator",
            "dense_estimator_checks",
            "multi_task_estimator_checks",
        ),
    ),
)


def page(sections=SECTIONS):
    """Return the reference page, as reStructuredText."""
    lines = ["API reference", "=============", ""]
    for section in sections:
        lines += [section.title, "-" * len(section.title), "", section.text, ""]
        lines += [f".. currentmodule:: {section.module}", "", ".. autosummary::"]
        lines += ["   :toctree: generated", ""]
        lines += [f"   {name}" for name in section.names] + [""]
    return "\n".join(lines)


def write(app):
    """Write the page where Sphinx looks for it."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    (folder / "index.rst").write_text(page(), encoding="utf-8")
