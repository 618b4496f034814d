"""Mean average precision: pycocotools' numbers, known answers, invariances."""

import sys

import numpy as np
import pytest
import torch
from sklearn.exceptions import UndefinedMetricWarning

from skmultigran.metrics import mean_average_precision_score as score

LABELS = ("platelet", "red", "white")
# Of `made_detections()`, by pycocotools 2.0.11: `stats[:6]` of COCOeval(..., "bbox"),
# and the mean of `eval["precision"][:, :, k, 0, -1]` for each class k.
COCO_STATS = {
    "all": ({}, 0.3776610736789439),
    "0.5": ({"iou_threshold": 0.5}, 0.5211825970535051),
    "0.75": ({"iou_threshold": 0.75}, 0.4469413164190334),
    "small": ({"size_range": (0, 32)}, 0.28382514191268754),
    "medium": ({"size_range": (32, 96)}, 0.420063051715833),
    "large": ({"size_range": (96, 1e5)}, 0.4081958071372747),
}
COCO_CLASSES = [0.5187703519613623, 0.2375351524532316, 0.376677716622237]


def made_detections():
    """Return 14 images with boxes found, missed, doubled, confused and made up.

    RandomState's streams never change. Image 3 has no object; image 5 has 131 boxes of
    one class, of which 100 count.
    """
    rng = np.random.RandomState(0)
    y_true, y_pred = [], []
    for number in range(14):
        n = 0 if number == 3 else rng.randint(1, 9)
        boxes, labels = random_boxes(rng, n), rng.randint(0, 3, n)
        y_true.append({"boxes": boxes, "labels": [LABELS[code] for code in labels]})
        y_pred.append(predicted(rng, boxes, labels, 130 if number == 5 else 4))
    return y_true, y_pred


def random_boxes(rng, n):
    corners = rng.uniform(0, 200, (n, 2))
    return np.concatenate([corners, corners + rng.uniform(6, 150, (n, 2))], axis=1)


def predicted(rng, boxes, labels, n_more):
    chosen = np.flatnonzero(rng.uniform(size=len(boxes)) < 0.85)
    chosen = np.concatenate([chosen, chosen[::3]])
    sides = boxes[chosen, 2:] - boxes[chosen, :2]
    moved = boxes[chosen] + rng.normal(0, 0.06, (len(chosen), 4)) * np.tile(sides, 2)
    confused = np.where(rng.uniform(size=len(chosen)) < 0.1, 1, labels[chosen])
    codes = np.concatenate([confused, rng.randint(0, 3, n_more)]).astype(int)
    codes[len(chosen) + 4 :] = 1
    scores = [rng.uniform(0.2, 1, len(chosen)), rng.uniform(0, 0.8, n_more)]
    return {
        "boxes": np.concatenate([moved, random_boxes(rng, n_more)]),
        "labels": [LABELS[code] for code in codes],
        "scores": np.concatenate(scores),
    }


@pytest.fixture
def detections():
    return made_detections()


def objects(*boxes, label="cat"):
    return {"boxes": boxes, "labels": [label] * len(boxes)}


def found(*boxes, scores, label="cat"):
    return {**objects(*boxes, label=label), "scores": scores}


ONE, TWO, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (50, 50, 60, 60)


@pytest.mark.parametrize("case", COCO_STATS)
def test_pycocotools_agrees(detections, case):
    parameters, expected = COCO_STATS[case]
    assert score(*detections, **parameters) == pytest.approx(expected, abs=1e-12)


def test_pycocotools_agrees_on_each_class(detections):
    each = score(*detections, average=None)
    assert each == pytest.approx(COCO_CLASSES, abs=1e-12)
    assert score(*detections, labels=["white", "red"], average=None) == pytest.approx(
        COCO_CLASSES[:0:-1], abs=1e-12
    )
    assert score(*detections, labels=["white"]) == pytest.approx(COCO_CLASSES[2])


@pytest.mark.parametrize(("n_wrong", "expected"), [(99, 1 / 100), (100, 0.0)])
def test_only_the_hundred_surest_count(n_wrong, expected):
    scores = np.linspace(0.9, 0.1, n_wrong + 1)
    y_pred = [found(*[FAR] * n_wrong, ONE, scores=scores)]
    assert score([objects(ONE)], y_pred) == pytest.approx(expected)
    other = found(*[FAR] * n_wrong, scores=scores[:-1], label="dog")
    other = {key: [*other[key], *y_pred[0][key][n_wrong:]] for key in other}
    assert score([objects(ONE)], [other]) == 1.0  # of each class a hundred


def test_best_and_worst(detections):
    y_true, _ = detections
    right = [{**image, "scores": np.ones(len(image["labels"]))} for image in y_true]
    assert score(y_true, right) == 1.0
    assert type(score(y_true, right)) is float
    none = [{"boxes": [], "labels": [], "scores": []} for _ in y_true]
    assert score(y_true, none) == 0.0


@pytest.mark.parametrize(
    ("pred", "expected"),
    [
        # A false alarm surer than the one object found: precision 1/2 at every recall.
        (found(FAR, ONE, scores=[0.9, 0.8]), 51 / 101 * 0.5),
        # Less sure: it comes after, and precision at 0 to 0.5 stays 1.
        (found(ONE, FAR, scores=[0.9, 0.8]), 51 / 101),
        # Both found, with a false alarm between: 1 to recall 0.5, then 2/3.
        (found(ONE, FAR, TWO, scores=[0.9, 0.8, 0.7]), (51 + 50 * 2 / 3) / 101),
        # Found twice: the second is a false alarm.
        (found(ONE, ONE, TWO, scores=[0.9, 0.8, 0.7]), (51 + 50 * 2 / 3) / 101),
        # The order in the list does not matter, scores do.
        (found(TWO, ONE, FAR, scores=[0.7, 0.9, 0.8]), (51 + 50 * 2 / 3) / 101),
        (found(ONE, TWO, scores=[0.1, 0.2]), 1.0),
        # The right place but another name.
        (found(ONE, TWO, scores=[0.1, 0.2], label="dog"), 0.0),
    ],
)
def test_known_answers(pred, expected):
    value = score([objects(ONE, TWO)], [pred], iou_threshold=0.5)
    assert value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.3, 1.0), (0.7, 1.0), (0.71, 0.0), (None, 0.5), (1.0, 0.0)],
)
def test_what_overlap_is_enough(threshold, expected):
    # 0.72 of the object's area: enough for 0.5, 0.55, ..., 0.7.
    y_pred = [found((0, 0, 10, 7.05), scores=[1])]
    value = score([objects(ONE)], y_pred, iou_threshold=threshold)
    assert value == pytest.approx(expected)


def test_only_objects_of_the_sizes_asked_for_count():
    large = (100, 100, 150, 150)
    y_true = [objects(ONE, large)]
    y_pred = [found(large, scores=[0.9])]
    assert score(y_true, y_pred, size_range=(32, 96)) == 1.0
    assert score(y_true, y_pred, size_range=[0, 32]) == 0.0


def test_labels_that_no_object_has_do_not_count():
    y_pred = [
        {"boxes": [ONE, FAR], "labels": ["cat", "dog"], "scores": [0.5, 0.9]},
    ]
    assert score([objects(ONE)], y_pred) == 1.0
    each = score([objects(ONE)], y_pred, labels=["dog", "cat"], average=None)
    assert each.tolist() == pytest.approx([np.nan, 1.0], nan_ok=True)


def test_nothing_to_find_is_not_defined():
    y_true, y_pred = [objects()], [found(ONE, scores=[1])]
    with pytest.warns(UndefinedMetricWarning, match="y_true has no object to score"):
        assert np.isnan(score(y_true, y_pred))
    with pytest.warns(UndefinedMetricWarning, match="NaN"):
        assert np.isnan(score([objects(ONE)], y_pred, size_range=(50, 60)))


def test_order_of_images_and_of_boxes_does_not_matter(detections, seed):
    y_true, y_pred = detections
    rng = np.random.default_rng(seed)

    def shuffled(image):
        order = rng.permutation(len(image["labels"]))
        return {key: np.asarray(value)[order] for key, value in image.items()}

    order = rng.permutation(len(y_true))
    mixed = [[shuffled(part[i]) for i in order] for part in (y_true, y_pred)]
    assert score(*mixed) == pytest.approx(score(y_true, y_pred), abs=1e-12)


@pytest.mark.parametrize(
    "names",
    [
        (9, -1, 4),
        (2.5, 0.0, 7.0),
        ("b", "a", ""),
        [("x", 1), ("x", 0), ("a", 2)],
        [np.int64(3), np.int64(1), np.int64(7)],
        [torch.tensor(3), torch.tensor(1), torch.tensor(7)],
    ],
    ids=str,
)
def test_names_of_labels_do_not_matter(detections, names):
    renaming = dict(zip(LABELS, names, strict=True))
    renamed = [
        [{**image, "labels": [renaming[label] for label in image["labels"]]}
         for image in part]
        for part in detections
    ]  # fmt: skip
    assert score(*renamed) == pytest.approx(score(*detections), abs=1e-12)
    each = score(*renamed, labels=names, average=None)
    assert each == pytest.approx(COCO_CLASSES, abs=1e-12)


def test_forms_of_images(detections):
    expected = score(*detections)
    assert score(*map(tuple, detections)) == expected
    in_arrays = [np.array(part, dtype=object) for part in detections]
    assert score(*in_arrays) == expected
    more = [{**image, "levels": None} for image in detections[1]]
    assert score(detections[0], more) == expected


def test_images_are_left_as_they_were(detections):
    y_true, y_pred = made_detections()
    score(*detections)
    for part, copied in zip(detections, (y_true, y_pred), strict=True):
        for a, b in zip(part, copied, strict=True):
            assert list(a) == list(b)
            assert all(np.array_equal(a[key], b[key]) for key in a)


def test_a_prediction_without_area_is_only_wrong():
    y_pred = [found((3, 3, 3, 8), ONE, scores=[0.9, 0.8])]
    assert score([objects(ONE)], y_pred) == pytest.approx(0.5)


GOOD = found(ONE, scores=[0.5])


@pytest.mark.parametrize(
    ("true", "pred", "message"),
    [
        (objects(ONE), [GOOD], r"got a dict as y_true.*for each image"),
        ([[ONE]], [GOOD], r"got y_true\[0\] of type list.*'boxes', 'labels'"),
        ([objects(ONE)], [objects(ONE)], r"y_pred\[0\] without 'scores'"),
        ([{"boxes": []}], [GOOD], r"y_true\[0\] without 'labels'"),
        ([objects(ONE)] * 2, [GOOD], "2 images in y_true and 1 in y_pred"),
        ([objects((1, 2, 3))], [GOOD], r"y_true\[0\] with boxes of shape \(1, 3\)"),
        (
            [objects(ONE), objects(ONE, (5, 5, 5, 9))],
            [GOOD] * 2,
            r"y_true\[1\] with box 1 at \[5.0, 5.0, 5.0, 9.0\].*must be larger",
        ),
        (
            [objects(ONE)],
            [found(ONE, (20, 20, 10, 10), scores=[1, 1])],
            r"y_pred\[0\] with box 1 at \[20.0.*right = x \+ width",
        ),
        ([objects((0, 0, np.inf, 1))], [GOOD], r"box 0 at.*must be finite"),
        (
            [objects(ONE)],
            [found(ONE, TWO, scores=[1, np.nan])],
            r"y_pred\[0\] with the score nan of box 1",
        ),
        ([objects(ONE)], [found(ONE, scores=[1, 2])], r"1 boxes, but scores of shape"),
        ([{"boxes": [ONE], "labels": []}], [GOOD], r"1 boxes, but labels: 0"),
        ([objects(("a", 0, 1, 1))], [GOOD], r"y_true\[0\] with boxes that are no"),
        ([objects(ONE, label=3)], [GOOD], r"be sorted together, such as 'cat' and 3"),
        ([objects(ONE, label=["cat"])], [GOOD], r"y_true\[0\] .* unhashable .*a tuple"),
        ([{"boxes": [ONE], "labels": "c"}], [GOOD], r"labels='c'.*must be a sequence"),
    ],
)
def test_bad_boxes(true, pred, message):
    with pytest.raises(ValueError, match=message):
        score(true, pred)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"iou_threshold": 0}, "'iou_threshold' parameter"),
        ({"iou_threshold": 50}, "'iou_threshold' parameter"),
        ({"size_range": (32, 8)}, r"got size_range=\(32, 8\).*two sizes in pixels"),
        ({"size_range": 32}, "'size_range' parameter"),
        ({"average": "micro"}, "'average' parameter"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        score([objects(ONE)], [GOOD], **parameters)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    message = r"mean_average_precision_score needs.*pip install 'skmultigran\[detection"
    with pytest.raises(ImportError, match=message):
        score([objects(ONE)], [GOOD])
