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
        "Estimators that use features of several scales and network levels.",
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
        "Transformers that read and preprocess images at the start of a pipeline.",
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
        "Networks that extract maps at several levels: recipes for `backbone=`.",
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
        "Networks that combine the maps of all granularities: recipes for `fusion=`.",
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
        "Networks that turn fused maps into predictions: recipes for `head=`.",
        ("PooledHead", "DenseHead", "BoxHead"),
    ),
    Section(
        "Training",
        "skmultigran",
        "Recipes for `training=`, and the cache of image features for `memory=`.",
        ("Training", "ProgressiveTraining", "ClosedFormTraining", "FeatureCache"),
    ),
    Section(
        "Files",
        "skmultigran",
        "Save and load estimators without pickle, and export them to ONNX.",
        ("save_model", "load_model", "export_onnx"),
    ),
    Section(
        "Inspection",
        "skmultigran.inspection",
        "Functions and displays that show what each granularity contributes.",
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
        "Scores and scorers for masks, boxes and tasks.",
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
        "Images for examples and experiments.",
        ("fetch_fashion_mnist", "make_digit_scenes"),
    ),
    Section(
        "Custom parts",
        "skmultigran",
        "Register your own backbones, fusions and heads under a name.",
        ("Level", "register_backbone", "register_fusion", "register_head"),
    ),
    Section(
        "Checks of parts and estimators",
        "skmultigran.estimator_checks",
        "Check that your own parts and estimators follow the expected conventions.",
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
