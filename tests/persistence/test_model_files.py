"""Files of estimators: the same answers, and nothing made but what is known."""

import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_files
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.parallel import Parallel

from skmultigran import (
    ConvNetBackbone,
    EfficientNetLite0Backbone,
    FeatureCache,
    ForegroundSegmenter,
    HypercolumnTransformer,
    ImageDenoiser,
    ImageEnhancer,
    ImageReader,
    ImageResizer,
    MultiGranularityClassifier,
    MultiGranularityDetector,
    MultiGranularityMultiTask,
    MultiGranularityRegressor,
    MultiGranularitySegmenter,
    MultiGranularityTransformer,
    ProgressiveTraining,
    ScatteringBackbone,
    load_model,
    save_model,
)
from skmultigran._support import import_optional
from skmultigran.datasets import make_digit_scenes
from skmultigran.estimators import BaseMultiGranularity
from skmultigran.metrics import get_scorer, get_scorer_names, make_task_scorer
from skmultigran.training import TrainingNet


def again(estimator, folder, **parameters):
    save_model(estimator, folder / "model.skops")
    return load_model(folder / "model.skops", **parameters)


@pytest.mark.parametrize("n_classes", [2, 10])
def test_classifier(n_classes, images, labels, quick, tmp_path):
    y = labels if n_classes == 10 else labels < "n"
    classifier = MultiGranularityClassifier(**quick, scales=(1.0, 0.5)).fit(images, y)
    loaded = again(classifier, tmp_path)
    assert np.array_equal(loaded.predict(images), classifier.predict(images))
    assert np.array_equal(
        loaded.predict_proba(images), classifier.predict_proba(images)
    )
    assert repr(loaded) == repr(classifier)


def test_loaded_estimators_go_on_learning(images, labels, quick, tmp_path):
    classifier = MultiGranularityClassifier(**quick, warm_start=True)
    classifier.fit(images, labels)
    loaded = again(classifier, tmp_path)
    loaded.fit(images, labels)
    classifier.fit(images, labels)
    assert np.array_equal(
        loaded.predict_proba(images), classifier.predict_proba(images)
    )


def test_early_answers(images, labels, quick, tmp_path):
    classifier = MultiGranularityClassifier(
        **(quick | {"backbone": ConvNetBackbone(widths=(4, 4, 4))}),
        deep_supervision=True,
        training=ProgressiveTraining(),
    ).fit(images, labels)
    classifier.tune_exit_threshold(images, labels)
    loaded = again(classifier, tmp_path)
    assert np.array_equal(loaded.predict(images), classifier.predict(images))


def test_regressor(images, quick, tmp_path):
    y = images.sum(axis=(1, 2, 3))
    regressor = MultiGranularityRegressor(**quick, loss="huber").fit(images, y)
    loaded = again(regressor, tmp_path)
    assert np.array_equal(loaded.predict(images), regressor.predict(images))


def test_several_tasks(images, labels, quick, tmp_path):
    y = {"name": labels, "sum": images.sum(axis=(1, 2, 3)).astype(float)}
    tasks = {"name": "classification", "sum": "regression"}
    several = MultiGranularityMultiTask(tasks=tasks, **quick).fit(images, y)
    loaded, expected = again(several, tmp_path), several.predict(images)
    for name, answers in loaded.predict(images).items():
        assert np.array_equal(answers, expected[name])


@pytest.mark.parametrize("task", [None, "classification"])
def test_transformer(task, images, labels, quick, tmp_path):
    backbone = quick["backbone"] if task else ScatteringBackbone(n_scales=1)
    transformer = MultiGranularityTransformer(task=task, backbone=backbone)
    transformer.set_params(max_epochs=1).fit(images, labels)
    loaded = again(transformer, tmp_path)
    assert np.array_equal(loaded.transform(images), transformer.transform(images))


@pytest.mark.parametrize(
    "model",
    [
        MultiGranularityClassifier(memory=FeatureCache("features"), training="pmg"),
        MultiGranularityTransformer(backbone=EfficientNetLite0Backbone()),
        ForegroundSegmenter(),
        ImageDenoiser(),
        ImageEnhancer(),
        ImageReader(),
        ImageResizer(size=8),
    ],
    ids=lambda model: type(model).__name__,
)
def test_what_is_not_fitted(model, tmp_path):
    assert repr(again(model, tmp_path)) == repr(model)


def test_masks_boxes_and_pixels(quick, tmp_path):
    scenes = make_digit_scenes(4, 32, random_state=0)
    quick["backbone"] = ConvNetBackbone(widths=(4, 4, 4))
    segmenter = MultiGranularitySegmenter(**quick).fit(scenes.images, scenes.masks)
    loaded = again(segmenter, tmp_path)
    assert np.array_equal(
        loaded.predict(scenes.images), segmenter.predict(scenes.images)
    )
    detector = MultiGranularityDetector(**quick).fit(scenes.images, scenes.y)
    found = again(detector, tmp_path).predict(scenes.images)
    for one, other in zip(found, detector.predict(scenes.images), strict=True):
        assert np.array_equal(one["boxes"], other["boxes"])
    pixels = HypercolumnTransformer().fit(scenes.images)
    loaded = again(pixels, tmp_path)
    assert np.array_equal(
        loaded.transform(scenes.images), pixels.transform(scenes.images)
    )


@pytest.mark.parametrize(
    ("scoring", "refit"),
    [(None, True), ("f1", True), (["f1", "neg_log_loss"], "f1")],
    ids=str,
)
def test_within_pipelines_and_searches(scoring, refit, images, labels, tmp_path):
    model = make_pipeline(
        ImageDenoiser(),
        MultiGranularityTransformer(backbone=ScatteringBackbone(n_scales=1)),
        LogisticRegression(max_iter=500),
    )
    y = labels < "n"
    grid = {"logisticregression__C": [0.1, 1.0]}
    search = GridSearchCV(model, grid, scoring=scoring, refit=refit, cv=KFold(2))
    search.fit(images, y)
    loaded = again(search, tmp_path)
    assert loaded.best_params_ == search.best_params_
    assert np.array_equal(loaded.predict_proba(images), search.predict_proba(images))


def test_searches_by_metrics_of_masks(quick, tmp_path):
    scenes = make_digit_scenes(4, 32, random_state=0)
    quick["backbone"] = ConvNetBackbone(widths=(4, 4, 4))
    search = GridSearchCV(
        MultiGranularitySegmenter(**quick),
        {"lr": [0.01]},
        scoring=get_scorer("mean_iou"),
        cv=2,
    ).fit(scenes.images, scenes.masks)
    expected = search.score(scenes.images, scenes.masks)
    assert again(search, tmp_path).score(scenes.images, scenes.masks) == expected


@pytest.mark.parametrize("name", get_scorer_names())
def test_scorers_of_this_package(name, tmp_path):
    for scorer in (get_scorer(name), make_task_scorer("digit", "accuracy")):
        search = GridSearchCV(MultiGranularityClassifier(), {}, scoring=scorer)
        assert repr(again(search, tmp_path)) == repr(search)


def test_paths(tmp_path):
    model = MultiGranularityClassifier(memory=tmp_path / "features")
    assert again(model, tmp_path).memory == model.memory
    with pytest.raises(ValueError, match=r"unlink'.*trusted="):
        again(FunctionTransformer(Path("model.skops").unlink), tmp_path)


def test_within_models_of_models(images, labels, tmp_path):
    columns = MultiGranularityTransformer(backbone=ScatteringBackbone(n_scales=1))
    linear = make_pipeline(columns, LogisticRegression(max_iter=500))
    y = labels < "n"
    for model in (
        CalibratedClassifierCV(linear, cv=2),
        StackingClassifier([("linear", linear)], cv=2),
        TunedThresholdClassifierCV(linear, cv=2),
        make_pipeline(columns, HistGradientBoostingClassifier(max_iter=2)),
    ):
        loaded = again(model.fit(images, y), tmp_path)
        assert np.array_equal(loaded.predict_proba(images), model.predict_proba(images))


class OwnBackbone(ConvNetBackbone):
    """A backbone that is not of the package."""


def test_other_types_are_refused_until_they_are_trusted(
    images, labels, quick, tmp_path
):
    quick["backbone"] = OwnBackbone(widths=(4, 4))
    classifier = MultiGranularityClassifier(**quick).fit(images, labels)
    name = f"{__name__}.OwnBackbone"
    with pytest.raises(ValueError, match=rf"{name}.*trusted="):
        again(classifier, tmp_path)
    loaded = again(classifier, tmp_path, trusted=[name])
    assert np.array_equal(loaded.predict(images), classifier.predict(images))


@pytest.mark.parametrize(
    "function",
    [
        import_optional,
        load_files,
        os.system,
        BaseMultiGranularity._outputs,
        TrainingNet,  # its constructor does more than to store
        Parallel,
    ],
)
def test_other_functions_and_classes_are_refused(function, tmp_path):
    model = FunctionTransformer(function)
    with pytest.raises(ValueError, match=rf"{function.__name__}.*trusted="):
        again(model, tmp_path)


def test_pickles_are_refused(tmp_path):
    path = tmp_path / "model.skops"
    path.write_bytes(pickle.dumps(MultiGranularityClassifier()))
    with pytest.raises(ValueError, match="not a file of save_model"):
        load_model(path)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_model(tmp_path / "nowhere.skops")


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        save_model(MultiGranularityClassifier(), tmp_path / "no" / "model.skops")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        save_model(MultiGranularityClassifier(), tmp_path)


@pytest.mark.parametrize("model", [3, MultiGranularityClassifier])
def test_only_estimators(model, tmp_path):
    with pytest.raises(TypeError, match="no estimator"):
        save_model(model, tmp_path / "model.skops")


def test_what_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "model.skops"
    save_model(MultiGranularityClassifier(), path)
    kept = path.read_bytes()
    unfit = FunctionTransformer(kw_args={"lines": (line for line in ())})
    with pytest.raises(TypeError, match="cannot pickle"):
        save_model(unfit, path)
    assert path.read_bytes() == kept
    assert list(tmp_path.iterdir()) == [path]


def test_files_may_be_read_by_others_as_usual(tmp_path):
    path, usual = tmp_path / "model.skops", tmp_path / "usual"
    usual.touch()
    save_model(MultiGranularityClassifier(), path)
    assert path.stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("function", [save_model, load_model])
def test_missing_package(function, tmp_path, monkeypatch):
    path = tmp_path / "model.skops"
    save_model(MultiGranularityClassifier(), path)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    arguments = (path,) if function is load_model else (ImageDenoiser(), path)
    with pytest.raises(ImportError, match=r"pip install 'skmultigran\[persistence\]'"):
        function(*arguments)


def test_another_version_is_told(images, labels, quick):
    classifier = MultiGranularityClassifier(**quick).fit(images, labels)
    state = classifier.__getstate__() | {"_skmultigran_version": "0.0.1"}
    other = object.__new__(MultiGranularityClassifier)
    with pytest.warns(InconsistentVersionWarning, match=r"from version 0\.0\.1"):
        other.__setstate__(state)
    assert np.array_equal(other.predict(images), classifier.predict(images))
