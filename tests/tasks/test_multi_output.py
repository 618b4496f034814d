"""Columns of labels: each like a classification alone, averaged."""

import numpy as np
import pytest
import torch

from skmultigran.tasks import ClassificationTask, MultiOutputTask

KINDS = ClassificationTask(np.array(["cat", "dog"]))
SIZES = ClassificationTask(np.array([1, 3, 7]), np.array([1.0, 2.0, 0.5]))
TASK = MultiOutputTask([KINDS, SIZES], object)
Y = np.array([["dog", 7], ["cat", 3], ["dog", 1]], dtype=object)
LOGITS = torch.tensor(
    [[0.0, 1.0, 0.2, 0.1, 2.0], [3.0, 1.0, 5.0, 0.1, 0.3], [1.0, 1.5, 1.0, 0, 0]]
)
PARTS = LOGITS[:, :2], LOGITS[:, 2:]


def test_loss_and_probabilities_are_those_of_the_columns():
    codes = torch.from_numpy(TASK.encode(Y))
    expected = torch.stack(
        [
            task.loss(part, column, 0.1)
            for task, part, column in zip([KINDS, SIZES], PARTS, codes.T, strict=True)
        ]
    )
    torch.testing.assert_close(TASK.loss(LOGITS, codes, 0.1), expected.mean(dim=0))
    for name in ("probabilities", "log_probabilities", "decisions"):
        got = getattr(TASK, name)(LOGITS)
        for column, task, part in zip(got, [KINDS, SIZES], PARTS, strict=True):
            np.testing.assert_array_equal(column, getattr(task, name)(part))


def test_class_weights_multiply_the_losses():
    codes = torch.tensor([2, 1, 0])
    plain = ClassificationTask(SIZES.classes).loss(PARTS[1], codes)
    weights = torch.tensor([0.5, 2.0, 1.0])
    torch.testing.assert_close(SIZES.loss(PARTS[1], codes), plain * weights)


def test_labels_of_each_column_and_all_right_or_none():
    assert TASK.decode(LOGITS).tolist() == [["dog", 7], ["cat", 1], ["dog", 1]]
    codes = torch.from_numpy(TASK.encode(Y))
    assert TASK.score(LOGITS, codes).tolist() == [1, 0, 1]


def test_columns_and_labels_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"shape \(3,\).*2 columns"):
        TASK.encode(Y[:, 0])
    with pytest.raises(ValueError, match=r"Column 1 of y.*labels \[9\].*\[1, 3, 7\]"):
        TASK.encode(np.array([["dog", 9]], dtype=object))
    with pytest.raises(ValueError, match=r"shape \(3, 2\).*one label per image"):
        KINDS.encode(Y)
