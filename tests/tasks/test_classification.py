"""Labels to numbers and back, the loss, and answers from logits."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch.nn import functional

from skmultigran.tasks import ClassificationTask

LABELS = {
    "str": np.array(["tabby", "ox", "a very long label"]),
    "bool": np.array([True, False]),
    "gaps": np.array([70, -3, 12]),
    "floats": np.array([0.5, -1.0]),
    "object": np.array(["dog", "cat", "eel"], dtype=object),
}


def task_for(labels):
    return ClassificationTask(np.unique(labels))


def one_hot_logits(codes, n_classes):
    return 5 * functional.one_hot(torch.from_numpy(codes), n_classes).float()


@pytest.mark.parametrize("kind", LABELS)
def test_decode_is_the_inverse_of_encode(kind):
    labels = LABELS[kind][[0, 1, 1, 0, -1]]
    task = task_for(LABELS[kind])
    codes = task.encode(labels)
    assert codes.dtype == np.int64
    assert sorted(set(codes)) == list(range(task.n_outputs))
    decoded = task.decode(one_hot_logits(codes, task.n_outputs))
    np.testing.assert_array_equal(decoded, labels, strict=True)


@pytest.mark.parametrize(
    ("classes", "y", "unknown"),
    [
        ([1, 5], [5, 3, 1, 9, 3], r"\[3, 9\]"),
        ([1, 5], [0], r"\[0\]"),
        ([1, 5], [5, 1.5], r"\[1.5\]"),
        (["a", "b"], ["a", "c"], r"\['c'\]"),
        (["a", "b"], ["a", "bb"], r"\['bb'\]"),
        ([False, True], [2, 1], r"\[2\]"),
        (["a", "b"], [1, 2], r"\[1, 2\]"),
        ([1, 2], ["a"], r"\['a'\]"),
    ],
)
def test_unknown_labels_are_named(classes, y, unknown):
    with pytest.raises(ValueError, match=f"labels {unknown}, which are not among"):
        task_for(np.array(classes)).encode(np.array(y))


@pytest.mark.parametrize(
    ("y", "unknown"),
    [(["cat", "c"], r"\['c'\]"), (["cat", 1], r"\[1\]"), ([None], "None")],
)
def test_unknown_object_labels_are_named(y, unknown):
    task = task_for(LABELS["object"])
    with pytest.raises(ValueError, match=unknown):
        task.encode(np.array(y, dtype=object))


def test_empty_y():
    assert task_for(LABELS["str"]).encode(np.array([], dtype=str)).shape == (0,)


LOGITS = torch.tensor([[0.0, 1, 2], [5, -5, 0], [-300, 300, 0], [0, 0, 0]])


def test_probabilities_sum_to_one_and_keep_their_order():
    found = task_for(LABELS["gaps"]).probabilities(LOGITS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert (found.argmax(axis=1) == LOGITS.argmax(dim=1).numpy()).all()
    np.testing.assert_allclose(found[3], 1 / 3)


def test_logarithm_of_tiny_probabilities_is_finite():
    task = task_for(LABELS["gaps"])
    found = task.log_probabilities(LOGITS)
    assert task.probabilities(LOGITS).min() == 0
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, log_softmax(LOGITS.numpy(), axis=1), rtol=1e-6)


def test_decisions_of_two_classes_are_log_odds():
    task = task_for(LABELS["bool"])
    logits = torch.tensor([[1.0, 3.0], [2.0, -1.0]])
    decisions = task.decisions(logits)
    np.testing.assert_allclose(decisions, [2, -3])
    log_odds = np.diff(task.log_probabilities(logits), axis=1)[:, 0]
    np.testing.assert_allclose(decisions, log_odds, rtol=1e-6)
    assert ((decisions > 0) == task.decode(logits)).all()


def test_decisions_of_more_classes_are_the_logits():
    found = task_for(LABELS["gaps"]).decisions(LOGITS)
    np.testing.assert_array_equal(found, LOGITS.numpy())


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_loss_is_the_cross_entropy_of_each_image(smoothing):
    codes = torch.tensor([2, 0, 0, 1])
    logs = torch.log_softmax(LOGITS, dim=1)
    right, even = logs[torch.arange(4), codes], logs.mean(dim=1)
    expected = -(1 - smoothing) * right - smoothing * even
    found = task_for(LABELS["gaps"]).loss(LOGITS, codes, smoothing)
    torch.testing.assert_close(found, expected)


def test_score_is_one_for_the_right_label():
    found = task_for(LABELS["gaps"]).score(LOGITS, torch.tensor([2, 1, 1, 0]))
    assert found.tolist() == [1, 0, 1, 1]
