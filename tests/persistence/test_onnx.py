"""Exported networks say what their estimators say."""

import json
import sys

import numpy as np
import onnxruntime
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skmultigran import (
    BoxHead,
    ConvNetBackbone,
    HypercolumnTransformer,
    MultiColumnBackbone,
    MultiGranularityClassifier,
    MultiGranularityDetector,
    MultiGranularityMultiTask,
    MultiGranularityRegressor,
    MultiGranularitySegmenter,
    MultiGranularityTransformer,
    PooledHead,
    ScaleSpaceBackbone,
    ScatteringBackbone,
    TorchvisionBackbone,
    export_onnx,
)
from skmultigran._registry import FUSIONS
from skmultigran.backbones import Backbone, BackboneRecipe
from skmultigran.datasets import make_digit_scenes


def session_of(estimator, folder, **parameters):
    path = folder / "model.onnx"
    export_onnx(estimator, path, **parameters)
    return onnxruntime.InferenceSession(path)


def run(session, images):
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"images": images}), strict=True))


def same(found, expected):
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def floats(images):
    return images.astype(np.float32)


@pytest.mark.parametrize("fusion", FUSIONS.names())
def test_every_fusion(fusion, images, labels, quick, tmp_path):
    head = PooledHead(grid=(2,))
    classifier = MultiGranularityClassifier(**quick, fusion=fusion, head=head)
    classifier.set_params(fusion__channels=8).fit(images, labels)
    session = session_of(classifier, tmp_path)
    same(
        run(session, floats(images))["probabilities"], classifier.predict_proba(images)
    )


@pytest.mark.parametrize(
    "backbone",
    [
        MultiColumnBackbone(),
        ScaleSpaceBackbone(n_scales=2),
        ScatteringBackbone(n_scales=2, n_orientations=2),
        TorchvisionBackbone(name="mobilenet_v3_small", out_indices=(0, 1)),
    ],
    ids=lambda backbone: type(backbone).__name__,
)
def test_backbones(backbone, images, labels, quick, tmp_path):
    classifier = MultiGranularityClassifier(**(quick | {"backbone": backbone}))
    classifier.fit(images, labels)
    session = session_of(classifier, tmp_path)
    same(
        run(session, floats(images))["probabilities"], classifier.predict_proba(images)
    )


def test_pyramid_and_any_number_of_images(images, labels, quick, tmp_path):
    classifier = MultiGranularityClassifier(**quick, scales=(1.0, 0.7, 1.5))
    classifier.fit(images, labels)
    session = session_of(classifier, tmp_path)
    expected = classifier.predict_proba(images)
    for n in (1, 2, 7, 40):
        same(run(session, floats(images[:n]))["probabilities"], expected[:n])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_types_of_pixels(dtype, images, labels, quick, tmp_path):
    scaled = images.astype(dtype) * (np.iinfo(dtype).max // 16)
    classifier = MultiGranularityClassifier(**quick).fit(scaled, labels)
    found = run(session_of(classifier, tmp_path, dtype=dtype), scaled)
    same(found["probabilities"], classifier.predict_proba(scaled))


def test_floats_have_the_unit_of_fit(images, labels, quick, tmp_path):
    values = images * 37.0 - 100
    classifier = MultiGranularityClassifier(**quick).fit(values, labels)
    found = run(session_of(classifier, tmp_path), floats(values))
    same(found["probabilities"], classifier.predict_proba(values))


def test_colours_and_the_size_that_the_network_sees(quick, tmp_path):
    images = np.random.default_rng(0).random((12, 10, 14, 3), dtype=np.float32)
    classifier = MultiGranularityClassifier(**quick, image_size=(10, 14))
    classifier.fit(images, np.arange(12) % 2)
    session = session_of(classifier, tmp_path)
    assert session.get_inputs()[0].shape == ["n", 10, 14, 3]
    same(run(session, images)["probabilities"], classifier.predict_proba(images))


def test_several_answers(images, labels, quick, tmp_path):
    y = np.stack([labels, np.where(labels < "n", "early", "late")], axis=1)
    classifier = MultiGranularityClassifier(**quick).fit(images, y)
    session = session_of(classifier, tmp_path)
    found = run(session, floats(images))
    for number, expected in enumerate(classifier.predict_proba(images)):
        same(found[f"probabilities_{number}"], expected)
    told = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    assert told == [classes.tolist() for classes in classifier.classes_]


def test_any_number_of_labels(images, labels, quick, tmp_path):
    y = np.stack([labels < "n", labels > "f"], axis=1).astype(int)
    classifier = MultiGranularityClassifier(**quick).fit(images, y)
    found = run(session_of(classifier, tmp_path), floats(images))
    same(found["probabilities"], classifier.predict_proba(images))


def test_the_last_of_early_answers(images, labels, quick, tmp_path):
    classifier = MultiGranularityClassifier(**quick, deep_supervision=True)
    classifier.fit(images, labels)
    found = run(session_of(classifier, tmp_path), floats(images))
    same(found["probabilities"], [*classifier.staged_predict_proba(images)][-1])


@pytest.mark.parametrize("columns", [slice(0, 1), slice(0, 2), 0])
def test_numbers(columns, images, quick, tmp_path):
    numbers = images.reshape(40, -1).astype(float).cumsum(axis=1)[:, [20, 50]]
    y = numbers[:, columns]
    regressor = MultiGranularityRegressor(**quick).fit(images, y)
    found = run(session_of(regressor, tmp_path), floats(images))["predictions"]
    expected = regressor.predict(images)
    assert [found.shape, found.dtype] == [expected.shape, expected.dtype]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numbers_of_a_large_offset(dtype, images, quick, tmp_path):
    seconds = (1.7e9 + images.sum(axis=(1, 2, 3))).astype(dtype)
    regressor = MultiGranularityRegressor(**quick).fit(images, seconds)
    found = run(session_of(regressor, tmp_path), floats(images))["predictions"]
    expected = regressor.predict(images)
    assert found.dtype == expected.dtype == dtype
    np.testing.assert_allclose(found - 1.7e9, expected - 1.7e9, rtol=1e-3)


@pytest.mark.parametrize("output", ["granularities", "fused"])
def test_columns(output, images, tmp_path):
    transformer = MultiGranularityTransformer(
        backbone=ScaleSpaceBackbone(n_scales=1), output=output
    ).fit(images)
    found = run(session_of(transformer, tmp_path), floats(images))["columns"]
    same(found, transformer.transform(images))


def test_columns_of_a_trained_network(images, labels, quick, tmp_path):
    transformer = MultiGranularityTransformer(**quick, task="classification")
    transformer.fit(images, labels)
    found = run(session_of(transformer, tmp_path), floats(images))["columns"]
    same(found, transformer.transform(images))


@pytest.mark.parametrize("size", [None, (24, 20)])
def test_masks(size, quick, tmp_path):
    scenes = make_digit_scenes(6, 32, random_state=0)
    segmenter = MultiGranularitySegmenter(
        **(quick | {"backbone": ConvNetBackbone(widths=(4, 4, 4))}), crop_size=32
    ).fit(scenes.images, scenes.masks)
    height, width = size or (32, 32)
    images = scenes.images[:, :height, :width]
    session = session_of(segmenter, tmp_path, dtype="uint8", image_size=size)
    found = run(session, images.reshape(6, height, width, -1))["probabilities"]
    same(found, segmenter.predict_proba(images))


def test_boxes(quick, tmp_path):
    scenes = make_digit_scenes(6, 32, random_state=0)
    detector = MultiGranularityDetector(
        **(quick | {"backbone": ConvNetBackbone(widths=(4, 4, 4))}),
        head=BoxHead(channels=8, depth=1),
        crop_size=32,
        score_threshold=0.0,
        nms_threshold=1.0,
    ).fit(scenes.images, scenes.y)
    session = session_of(detector, tmp_path, dtype="uint8")
    found = run(session, scenes.images.reshape(6, 32, 32, -1))
    assert found["boxes"].shape[:2] == found["scores"].shape[:2]
    # Of what the detector tells of an image, the best: one place, one class.
    for number, image in enumerate(detector.predict(scenes.images)):
        scores = found["scores"][number]
        place, label = np.unravel_index(scores.argmax(), scores.shape)
        best = found["boxes"][number, place].clip(0, 32)
        np.testing.assert_allclose(scores.max(), image["scores"][0], rtol=1e-4)
        np.testing.assert_allclose(best, image["boxes"][0], atol=1e-3)
        assert detector.classes_[label] == image["labels"][0]


def test_several_tasks(images, labels, quick, tmp_path):
    y = {"name": labels, "sum": images.sum(axis=(1, 2, 3)).astype(float)}
    tasks = {"name": "classification", "sum": "regression"}
    several = MultiGranularityMultiTask(tasks=tasks, **quick).fit(images, y)
    session = session_of(several, tmp_path)
    found = run(session, floats(images))
    same(found["name_probabilities"], several.predict_proba(images)["name"])
    expected = several.predict(images)["sum"]
    np.testing.assert_allclose(found["sum_predictions"], expected, rtol=1e-4)
    told = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    assert told == {"name": several.classes_["name"].tolist()}


def test_what_the_file_tells_of_itself(images, labels, quick, tmp_path):
    classifier = MultiGranularityClassifier(**quick).fit(images, labels)
    session = session_of(classifier, tmp_path, dtype="uint8")
    (taken,) = session.get_inputs()
    assert (taken.name, taken.shape) == ("images", ["n", 8, 8, 1])
    assert taken.type == "tensor(uint8)"
    (given,) = session.get_outputs()
    assert (given.name, given.shape) == ("probabilities", ["n", 10])
    told = session.get_modelmeta().custom_metadata_map
    assert told["estimator"] == "MultiGranularityClassifier"
    assert json.loads(told["classes"]) == classifier.classes_.tolist()
    assert json.loads(told["granularities"]) == classifier.granularities_


def test_the_estimator_stays_as_it_was(images, labels, quick, tmp_path):
    classifier = MultiGranularityClassifier(**quick)
    classifier.fit(images, labels)
    before = {name: id(value) for name, value in vars(classifier).items()}
    expected = classifier.predict_proba(images)
    export_onnx(classifier, tmp_path / "model.onnx")
    assert {name: id(value) for name, value in vars(classifier).items()} == before
    assert np.array_equal(classifier.predict_proba(images), expected)
    assert any(p.requires_grad for p in classifier.network_.parameters())


class _Strange(Backbone):
    levels = ScaleSpaceBackbone(n_scales=1).levels(1, (8, 8))

    def forward(self, images):
        if images.sum().item() > 1e9:  # a graph cannot look at numbers
            images = -images
        return [images.repeat(1, 4, 1, 1)]


class StrangeBackbone(BackboneRecipe):
    """Does what no graph can."""

    fixed = True

    def build(self, in_channels, image_size):
        """Return the backbone."""
        return _Strange()


def test_what_cannot_be_exported_leaves_the_file_as_it_was(
    images, labels, quick, tmp_path
):
    classifier = MultiGranularityClassifier(**(quick | {"backbone": StrangeBackbone()}))
    classifier.fit(images, labels)
    path = tmp_path / "model.onnx"
    path.write_text("kept")
    with pytest.raises(RuntimeError, match=r"cannot be written as ONNX.*Strange"):
        export_onnx(classifier, path)
    assert path.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [path]


def test_only_a_fitted_estimator_with_a_network(images, labels, quick, tmp_path):
    classifier = MultiGranularityClassifier(**quick)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        export_onnx(classifier, tmp_path / "model.onnx")
    pipeline = make_pipeline(classifier.fit(images, labels))
    with pytest.raises(TypeError, match=r"Pipeline.*pipeline\[-1\]"):
        export_onnx(pipeline, tmp_path / "model.onnx")


def test_columns_of_pixels_are_refused(images, tmp_path):
    pixels = HypercolumnTransformer().fit(images)
    with pytest.raises(TypeError, match="Keep both by save_model"):
        export_onnx(pixels, tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((8,), "two positive integers"),
        ((8, 0), "two positive"),
        ((9, 9), "sees images"),
    ],
)
def test_size_of_images(size, message, images, labels, quick, tmp_path):
    classifier = MultiGranularityClassifier(**quick).fit(images, labels)
    with pytest.raises(ValueError, match=message):
        export_onnx(classifier, tmp_path / "model.onnx", image_size=size)


@pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
def test_missing_package(missing, images, labels, quick, tmp_path, monkeypatch):
    classifier = MultiGranularityClassifier(**quick).fit(images, labels)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"pip install 'skmultigran\[onnx\]'"):
        export_onnx(classifier, tmp_path / "model.onnx")
