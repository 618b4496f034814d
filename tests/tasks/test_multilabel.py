"""Any number of labels per image: the loss against its definition, what is unknown."""

import numpy as np
import pytest
import torch

from skmultigran.tasks import MultiLabelTask

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 4.0, -0.1]])
Y = np.array([[1, 0, 0], [0, 1, 1]])


def by_hand(target, weights):
    p = 1 / (1 + np.exp(-LOGITS.numpy().astype(float)))
    losses = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    return (weights * losses).mean(axis=1)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_the_mean_binary_cross_entropy(smoothing):
    task = MultiLabelTask(3)
    got = task.loss(LOGITS, torch.from_numpy(task.encode(Y)), smoothing)
    smoothed = Y * (1 - smoothing) + smoothing / 2
    np.testing.assert_allclose(got, by_hand(smoothed, 1), rtol=1e-5)


def test_weights_of_absence_and_presence():
    table = np.array([[1.0, 5.0], [2.0, 1.0], [0.5, 0.25]])
    task = MultiLabelTask(3, table)
    weights = table[np.arange(3), Y]
    got = task.loss(LOGITS, torch.from_numpy(task.encode(Y)))
    np.testing.assert_allclose(got, by_hand(Y, weights), rtol=1e-5)


def test_what_is_unknown_counts_for_nothing():
    task = MultiLabelTask(3)
    partly = Y.astype(float)
    partly[0, 1:] = np.nan
    partly[1] = np.nan
    encoded = torch.from_numpy(task.encode(partly))
    logits = LOGITS.clone().requires_grad_()
    loss = task.loss(logits, encoded)
    loss.sum().backward()
    expected = -np.log(1 / (1 + np.exp(-2.0)))
    np.testing.assert_allclose(loss.detach(), [expected, 0], rtol=1e-5)
    assert (logits.grad != 0).tolist() == [[True, False, False], [False] * 3]
    assert task.score(LOGITS, encoded).tolist() == [1, 1]


def test_scores_labels_and_probabilities():
    task = MultiLabelTask(3, dtype=bool)
    assert task.decode(LOGITS).tolist() == [[True, False, True], [False, True, False]]
    assert task.decode(LOGITS).dtype == bool
    assert task.score(LOGITS, torch.from_numpy(task.encode(Y))).tolist() == [0, 0]
    right = task.encode(task.decode(LOGITS))
    assert task.score(LOGITS, torch.from_numpy(right)).tolist() == [1, 1]
    probabilities = task.probabilities(LOGITS)
    np.testing.assert_array_equal(probabilities > 0.5, task.decode(LOGITS))
    np.testing.assert_allclose(
        task.log_probabilities(LOGITS), np.log(probabilities), rtol=1e-5
    )
    assert np.isfinite(task.log_probabilities(torch.full((1, 3), -500.0))).all()


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (Y[:, :2], r"shape \(2, 2\), but .* 3 labels"),
        (Y[:, 0], r"shape \(2,\)"),
        (Y * 2, "value 2|value np.int64.2"),
    ],
    ids=["columns", "axes", "values"],
)
def test_other_indicators_are_refused(y, match):
    with pytest.raises(ValueError, match=match):
        MultiLabelTask(3).encode(y)
