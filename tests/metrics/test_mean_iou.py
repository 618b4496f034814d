"""Mean IoU: known answers, scikit-learn's Jaccard score, invariances and messages."""

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from skmultigran.metrics import mean_iou_score

TRUE = np.array([[0, 0, 1], [2, 2, 1]])
PRED = np.array([[0, 1, 1], [2, 0, 1]])  # IoU: 1/3, 2/3, 1/2


@pytest.fixture
def masks(seed):
    """Return pairs of masks of three sizes that agree in two of three pixels."""
    rng = np.random.default_rng(seed)
    true = [rng.integers(0, 4, size) for size in [(5, 7), (9, 4), (1, 12)]]
    pred = [np.where(rng.random(m.shape) < 0.67, m, (m + 1) % 4) for m in true]
    return true, pred


def flat(masks):
    return np.concatenate([np.ravel(mask) for mask in masks])


def as_objects(masks):
    objects = np.empty(len(masks), dtype=object)
    objects[:] = masks
    return objects


def test_known_answer():
    assert mean_iou_score([TRUE], [PRED]) == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)
    each = mean_iou_score([TRUE], [PRED], average=None)
    assert each == pytest.approx([1 / 3, 2 / 3, 1 / 2])


def test_best_and_worst():
    assert mean_iou_score([TRUE], [TRUE]) == 1.0
    assert mean_iou_score([TRUE], [TRUE + 7]) == 0.0
    assert type(mean_iou_score([TRUE], [TRUE])) is float


def test_scikit_learns_jaccard_score_agrees(masks):
    true, pred = masks
    assert mean_iou_score(true, pred) == pytest.approx(
        jaccard_score(flat(true), flat(pred), average="macro")
    )
    assert mean_iou_score(true, pred, labels=[3, 1], average=None) == pytest.approx(
        jaccard_score(flat(true), flat(pred), labels=[3, 1], average=None)
    )


def test_weights_agree_with_scikit_learn(masks):
    true, pred = masks
    weights = [0.5, 3, 0]
    pixel_weights = np.repeat(weights, [mask.size for mask in true])
    expected = jaccard_score(
        flat(true), flat(pred), average="macro", sample_weight=pixel_weights
    )
    score = mean_iou_score(true, pred, sample_weight=weights)
    assert score == pytest.approx(expected)
    assert score != pytest.approx(mean_iou_score(true, pred))


def test_ignored_pixels_are_as_if_cut_out():
    true = np.array([[0, 0, 1, 255], [2, 2, 1, 255]])
    pred = np.concatenate([PRED, [[0], [9]]], axis=1)
    assert (
        mean_iou_score([true], [pred], ignore_label=255)
        == pytest.approx(mean_iou_score([TRUE], [PRED]))
        == pytest.approx(0.5)
    )


def test_a_class_predicted_only_at_ignored_pixels_is_not_scored():
    true, pred = np.array([[0, 1, -1]]), np.array([[0, 1, 5]])
    assert mean_iou_score([true], [pred], ignore_label=-1) == 1.0


def test_predicting_the_ignored_label_is_wrong_and_no_class():
    true, pred = np.array([[0, 0, 1, 1]]), np.array([[0, -1, 1, 1]])
    each = mean_iou_score([true], [pred], ignore_label=-1, average=None)
    assert each.tolist() == [0.5, 1.0]


def test_labels_choose_the_classes():
    assert mean_iou_score([TRUE], [PRED], labels=[1]) == pytest.approx(2 / 3)
    each = mean_iou_score([TRUE], [PRED], labels=[2, 8, 1], average=None)
    assert each == pytest.approx([1 / 2, np.nan, 2 / 3], nan_ok=True)
    assert mean_iou_score([TRUE], [PRED], labels=[2, 8]) == pytest.approx(1 / 2)


@pytest.mark.parametrize("form", [list, tuple, as_objects])
def test_forms_of_masks_of_different_sizes(masks, form):
    true, pred = masks
    assert mean_iou_score(form(true), form(pred)) == mean_iou_score(true, pred)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.float64])
def test_arrays_of_any_integers(dtype):
    true, pred = np.stack([TRUE, PRED]), np.stack([PRED, PRED])
    if dtype == np.float64:
        true, pred = true.tolist(), pred.tolist()
    else:
        true, pred = true.astype(dtype), pred
    assert mean_iou_score(true, pred) == pytest.approx(
        jaccard_score(flat(true), flat(pred), average="macro")
    )


def test_booleans_are_two_classes():
    assert mean_iou_score([TRUE > 0], [PRED > 0]) == mean_iou_score(
        [(TRUE > 0).astype(int)], [(PRED > 0).astype(int)]
    )


def test_neither_order_of_images_nor_names_of_classes_matter(masks):
    true, pred = masks
    expected = mean_iou_score(true, pred)
    assert mean_iou_score(true[::-1], pred[::-1]) == pytest.approx(expected)
    names = np.array([40, -3, 7, 1000])
    renamed = [[names[mask] for mask in part] for part in (true, pred)]
    assert mean_iou_score(*renamed) == pytest.approx(expected)
    assert mean_iou_score(pred, true) == pytest.approx(expected)


def test_masks_are_left_as_they_were(masks):
    copies = [[mask.copy() for mask in part] for part in masks]
    mean_iou_score(*masks, ignore_label=2)
    for part, copied in zip(masks, copies, strict=True):
        assert all((a == b).all() for a, b in zip(part, copied, strict=True))


@pytest.mark.parametrize(
    ("true", "pred", "parameters", "message"),
    [
        ([TRUE], [PRED / 1], {}, r"row 0 of Y_pred.*float64.*astype\(int\)"),
        ([TRUE], [PRED[..., None]], {}, r"row 0 of Y_pred.*\(2, 3, 1\).*argmax"),
        (TRUE, PRED, {}, r"row 0 of Y_true: it has shape \(3,\).*as \[Y_true\]"),
        ([TRUE], [PRED, PRED], {}, "1 masks in Y_true and 2 in Y_pred"),
        ([TRUE] * 2, [PRED, PRED.T], {}, r"\(2, 3\) in row 1 of Y_true.*\(3, 2\)"),
        ([], [], {}, "got no mask in Y_true"),
        ([TRUE], [PRED], {"labels": [1, 1]}, "Name each label once"),
        ([TRUE], [PRED], {"labels": [0.5]}, "list of at least one integer"),
        ([TRUE], [PRED], {"labels": [77]}, "no pixel to score"),
        ([TRUE * 0], [PRED], {"ignore_label": 0}, "no pixel to score"),
        ([TRUE], [PRED], {"sample_weight": [-1.0]}, "Negative values"),
        ([TRUE], [PRED], {"sample_weight": [1, 2]}, "sample_weight.shape"),
        ([TRUE], [PRED], {"average": "micro"}, "'average' parameter"),
        ([TRUE], [PRED], {"ignore_label": 0.5}, "'ignore_label' parameter"),
    ],
)
def test_bad_input(true, pred, parameters, message):
    with pytest.raises(ValueError, match=message):
        mean_iou_score(true, pred, **parameters)
