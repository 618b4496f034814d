import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from skmultigran import (
    BoxHead,
    ConvNetBackbone,
    MultiGranularityDetector,
    ScatteringBackbone,
)
from skmultigran.estimator_checks import dense_estimator_checks

SMALL = {
    "backbone": ConvNetBackbone(widths=(8, 12, 16), stem_stride=2),
    "head": BoxHead(channels=16, depth=1),
    "fusion__channels": 16,
    "max_epochs": 2,
    "batch_size": 8,
    "lr": 0.01,
    "value_range": (0, 1),
    "random_state": 0,
}


def squares(n, size=(48, 40), seed=0, labels=("dark", "light")):
    """Grey images with one dark or light square each; every fifth has none."""
    generator = np.random.default_rng(seed)
    images = generator.uniform(0.4, 0.6, (n, *size)).astype(np.float32)
    y = []
    for number, image in enumerate(images):
        side = generator.integers(8, 17)
        top, left = (generator.integers(0, length - side) for length in size)
        if number % 5 == 4:
            y.append({"boxes": np.empty((0, 4)), "labels": np.array([])})
            continue
        image[top : top + side, left : left + side] += (-0.4, 0.4)[number % 2]
        box = [left, top, left + side, top + side]
        y.append({"boxes": np.array([box]), "labels": np.array([labels[number % 2]])})
    return images, y


def make(**parameters):
    return MultiGranularityDetector().set_params(**(SMALL | parameters))


@pytest.fixture(scope="module")
def fitted():
    return make(max_epochs=20, augment=None).fit(*squares(50))


@pytest.fixture(scope="module")
def quick():
    return make().fit(*squares(12))


@pytest.mark.parametrize(
    "check", dense_estimator_checks(answers="boxes"), ids=lambda check: check.__name__
)
def test_public_check(check):
    check(make(max_epochs=1))


def test_finds_objects_their_sizes_and_labels(fitted):
    X, y = squares(20, seed=1)
    right = 0
    for found, objects in zip(fitted.predict(X), y, strict=True):
        sure = found["scores"] > 0.3
        if len(objects["boxes"]) and sure.any():
            away = np.abs(found["boxes"][0] - objects["boxes"][0]).max()
            right += away < 4 and found["labels"][0] == objects["labels"][0]
        right += not len(objects["boxes"]) and not sure.any()
    assert right >= 16


def test_prediction_is_described(fitted):
    X, _ = squares(6, seed=2)
    assert fitted.classes_.tolist() == ["dark", "light"]
    assert fitted.strides_ == [4, 8]
    for found in fitted.predict(X):
        m = len(found["boxes"])
        assert found["boxes"].shape == (m, 4)
        assert found["boxes"].dtype == found["scores"].dtype == np.float32
        assert found["labels"].shape == found["scores"].shape == (m,)
        assert set(found["labels"]) <= {"dark", "light"}
        assert (np.diff(found["scores"]) <= 0).all()
        assert (found["scores"] >= 0.05).all()
        assert set(found["levels"]) <= {0, 1}
        assert (found["boxes"][:, 2:] <= [40, 48]).all()


def test_thresholds(fitted):
    X, _ = squares(6, seed=2)
    every = fitted.predict(X)
    few = clone(fitted)
    few.__setstate__(fitted.__getstate__())
    few.set_params(score_threshold=0.2, nms_threshold=0.1, max_detections=2)
    for found, all_found in zip(few.predict(X), every, strict=True):
        assert len(found["boxes"]) <= min(2, len(all_found["boxes"]))
        assert (found["scores"] >= 0.2).all()


def test_score_is_the_mean_average_precision(fitted):
    from skmultigran.metrics import mean_average_precision_score

    X, y = squares(20, seed=1)
    score = fitted.score(X, y)
    assert score == mean_average_precision_score(y, fitted.predict(X))
    assert 0.3 < score <= 1


def test_score_has_no_weights(quick):
    X, y = squares(4)
    message = r"Detector\.score got sample_weight, but average precision"
    with pytest.raises(ValueError, match=message):
        quick.score(X, y, np.ones(4))


def test_coarse_levels_find_large_objects():
    generator = np.random.default_rng(0)
    X, y = generator.uniform(0.4, 0.6, (24, 64, 64)), []
    for number, image in enumerate(X):
        side = (8, 44)[number % 2]
        top, left = generator.integers(0, 64 - side, 2)
        image[top : top + side, left : left + side] = 1
        box = [[left, top, left + side, top + side]]
        y.append({"boxes": box, "labels": [0]})
    detector = make(max_epochs=20, augment=None, fusion__channels=8).fit(X, y)
    found = [f["levels"][0] for f in detector.predict(X) if len(f["levels"])]
    assert found[::2].count(0) > 9
    assert found[1::2].count(1) > 9


def test_an_image_has_the_same_answer_in_tiles(fitted):
    X, _ = squares(12, seed=3)
    large = np.concatenate([np.concatenate(list(X[i::3]), axis=0) for i in range(3)], 1)
    whole = fitted.predict(large[None])[0]
    tiled = clone(fitted)
    tiled.__setstate__(fitted.__getstate__())
    tiled.set_params(tile_size=96, tile_overlap=64)
    parts = tiled.predict(large[None])[0]
    assert len(whole["boxes"]) > 5
    assert len(parts["boxes"]) == len(whole["boxes"])
    # Scores that differ in the last digit only may change places.
    one, other = (np.lexsort(found["boxes"].round().T) for found in (parts, whole))
    for name, close in {"boxes": 0.1, "scores": 1e-3, "levels": 0}.items():
        np.testing.assert_allclose(parts[name][one], whole[name][other], atol=close)


def test_images_of_different_sizes_and_crops():
    X, y = squares(10)
    others, more = squares(6, (30, 70), seed=4)
    detector = make(crop_size=(32, 24)).fit([*X, *others], [*y, *more])
    assert detector.crop_size_ == (32, 24)
    assert len(detector.predict([*X[:2], *others[:2]])) == 4


@pytest.mark.parametrize("labels", [(3, -2), ("a", "b"), (True, False)])
def test_labels_of_any_type(labels):
    X, y = squares(12, labels=labels)
    detector = make(max_epochs=1, score_threshold=0).fit(X, y)
    np.testing.assert_array_equal(detector.classes_, sorted(labels))
    found = detector.predict(X)[0]["labels"]
    assert found.dtype == detector.classes_.dtype
    assert set(found) <= set(labels)


def test_tensors_and_frames_of_targets(quick):
    X, y = squares(12, labels=(0, 1))
    tensors = [{k: torch.as_tensor(v) for k, v in objects.items()} for objects in y]
    column = np.empty(12, dtype=object)
    column[:] = tensors
    one = make(max_epochs=1).fit(X, y).predict(X[:1])[0]
    other = make(max_epochs=1).fit(X, column).predict(X[:1])[0]
    np.testing.assert_array_equal(one["boxes"], other["boxes"])


def test_frozen_with_memory(tmp_path):
    X, y = squares(10)
    detectors = [
        make(backbone=ScatteringBackbone(), trainable="head", memory=memory).fit(X, y)
        for memory in (None, str(tmp_path))
    ]
    plain, kept = (detector.predict(X)[0]["boxes"] for detector in detectors)
    np.testing.assert_array_equal(plain, kept)


def test_early_stopping_and_warm_start():
    X, y = squares(20)
    X_val, y_val = squares(6, seed=5)
    detector = make(max_epochs=3, warm_start=True).fit(X, y, X_val=X_val, y_val=y_val)
    assert 0 <= detector.history_[-1]["valid_score"] <= 1
    losses = [epoch["valid_loss"] for epoch in detector.history_]
    assert detector.best_epoch_ == np.argmin(losses) + 1
    first = detector.history_[0]["train_loss"]
    detector.fit(X, y)
    assert detector.history_[0]["train_loss"] < first


def test_search_and_folds():
    X, y = squares(12)
    detector = make(max_epochs=1)
    assert not is_classifier(detector)
    search = GridSearchCV(detector, {"head__depth": [0, 1]}, cv=2).fit(X, y)
    assert len(search.predict(X)) == 12
    assert np.isfinite(cross_val_score(detector, list(X), y, cv=2)).all()


def test_pickles_predict_the_same(fitted):
    X, _ = squares(3, seed=6)
    again = pickle.loads(pickle.dumps(fitted)).predict(X)
    for one, other in zip(fitted.predict(X), again, strict=True):
        np.testing.assert_array_equal(one["boxes"], other["boxes"])


def first(**change):
    def changed(y):
        return [y[0] | change, *y[1:]]

    return changed


def _width_and_height(boxes):
    from torchvision.tv_tensors import BoundingBoxes

    return BoundingBoxes(boxes, format="XYWH", canvas_size=(48, 40))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (first(boxes=[[5, 5, 5, 9]]), r"box 0 of row 0 is \[5.0, 5.0, 5.0, 9.0\]"),
        (first(boxes=[[9, 5, 7, 9]]), "left < right and top < bottom"),
        (first(boxes=[[np.nan, 5, 7, 9]]), "must be finite"),
        (first(boxes=[[30, 5, 41, 9]]), "box 0 of row 0 .* image has 48 x 40 pixels"),
        (first(boxes=[[-1, 5, 4, 9]]), "cut them at the image's border"),
        (first(boxes=[[1, 2, 3]]), r"have shape \(1, 3\)"),
        (first(boxes=[[1, 2, 9], [1, 2, 9, 9]]), "boxes of row 0 .* different lengths"),
        (first(labels=["dark", "light"]), r"has 1 boxes, but labels of shape \(2,\)"),
        (lambda y: [{"boxes": []}, *y[1:]], r"row 0 is \['boxes'\], but must be"),
        (first(labels=[None]), r"types \['NoneType', 'str.?'\].*Give every box a lab"),
        (first(labels=[7]), r"types \['int', 'str_?'\].*make all labels of one type"),
        (
            lambda y: [
                objects | {"labels": [np.nan] * len(objects["boxes"])} for objects in y
            ],
            r"types \['float'\].*missing",
        ),
        (
            first(boxes=_width_and_height([[5, 5, 9, 9]])),
            "of row 0 have the format XYWH.*convert_bounding_box_format",
        ),
        (lambda y: pd.DataFrame(y), r"y\.to_dict\('records'\)"),
        (lambda y: np.zeros(12), "must be a dictionary"),
        (lambda y: y[0], "must be a list with one dictionary"),
        (lambda y: y[:-1], "inconsistent numbers"),
        (lambda y: [y[4]] * 12, "at least one image with an object"),
        (lambda y: None, "requires y to be passed"),
    ],
)
def test_bad_boxes_are_refused_and_lose_nothing(quick, change, message):
    X, y = squares(12)
    before = quick.predict(X[:1])[0]
    with pytest.raises(ValueError, match=message):
        quick.fit(X, change(y))
    np.testing.assert_array_equal(quick.predict(X[:1])[0]["boxes"], before["boxes"])


@pytest.mark.parametrize(
    "boxes",
    [
        torch.tensor([[1.0, 2.0, 9.0, 9.0]], requires_grad=True),
        pd.DataFrame([[1, 2, 9, 9]]),
        np.array([[1, 2, 9, 9]], np.uint8),
        [(1, 2, 9, 9)],
    ],
    ids=["tensor", "frame", "bytes", "tuples"],
)
def test_boxes_come_in_many_forms(boxes):
    X, y = squares(12)
    expected = make(max_epochs=1).fit(X, first(boxes=[[1, 2, 9, 9]])(y)).predict(X)
    found = make(max_epochs=1).fit(X, first(boxes=boxes)(y)).predict(X)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one["boxes"], other["boxes"])


def test_boxes_may_end_beyond_the_image_by_rounding():
    X, y = squares(12)
    shares = np.float32([[0.3, 0.1, 0.7, 0.9]])  # left, top, width and height
    left, top, width, height = (shares * np.float32([40, 48, 40, 48])).T
    boxes = np.column_stack([left, top, left + width, top + height])
    boxes[0, 2] = np.nextafter(np.float32(40), np.float32(41))
    make(max_epochs=1).fit(X, first(boxes=boxes)(y))


def test_validation_boxes_are_checked_too(quick):
    X, y = squares(12)
    wrong = first(boxes=[[30, 5, 41, 9]])(y)
    with pytest.raises(ValueError, match="image has 48 x 40 pixels"):
        quick.fit(X, y, X_val=X, y_val=wrong)


def test_unfitted_and_other_heads():
    X, y = squares(5)
    with pytest.raises(NotFittedError):
        make().predict(X)
    with pytest.raises(ValueError, match="head='dense' does not answer for boxes"):
        make(head="dense").fit(X, y)
