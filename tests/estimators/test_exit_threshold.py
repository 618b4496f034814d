"""Known answers of the choice of a threshold."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skmultigran.estimators._exit_threshold import (
    exit_stages,
    first_sure,
    lowest_threshold,
    thresholds_to_try,
)

# Four images, two early stages and the last.
CONFIDENCES = np.array([[0.9, 0.95], [0.8, 0.6], [0.5, 0.7], [0.4, 0.3]])
RIGHT = np.array([[1, 1, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.0, [0, 0, 0, 0]), (0.65, [0, 0, 1, 2]), (0.92, [1, 2, 2, 2]), (1, [2] * 4)],
)
def test_exit_stages(threshold, expected):
    assert_array_equal(exit_stages(CONFIDENCES, threshold), expected)


def test_thresholds_fall_and_separate_all_confidences():
    tried = thresholds_to_try(CONFIDENCES)
    found = np.unique(CONFIDENCES)
    assert (np.diff(tried) < 0).all()
    assert_array_equal([(found >= t).sum() for t in tried], range(1, len(found) + 1))


def test_many_thresholds_are_thinned_out():
    confidences = np.linspace(0.1, 1, 10_000).reshape(-1, 2)
    tried = thresholds_to_try(confidences)
    assert len(tried) == 1000
    assert tried[0] > 0.99
    assert tried[-1] < 0.11


@pytest.mark.parametrize(
    ("tolerance", "last_confidence"),
    # Below 0.9 the second image ends wrongly. Below 0.5 the fourth one does too, but
    # the third one ends rightly, which its last answer is not: one image is lost in
    # all.
    [(0.0, 0.9), (0.25, 0.3)],
)
def test_lowest_threshold(tolerance, last_confidence):
    found = lowest_threshold(CONFIDENCES, RIGHT, tolerance)
    values = np.unique(CONFIDENCES)
    assert values[values >= found][0] == last_confidence


def test_no_threshold_if_the_surest_answer_is_wrong():
    assert lowest_threshold(np.array([[0.9]]), np.array([[0, 1]]), 0.0) is None


def test_first_sure_known_answer():
    outputs = [
        torch.tensor(o)[:, None] for o in ([5.0, 1, 1], [6.0, 7, 2], [0.0, 0, 3])
    ]
    found, ends = first_sure(outputs, lambda o: o[:, 0] > 4)
    assert_array_equal(ends, [0, 1, 2])
    assert_array_equal(found[:, 0], [5, 7, 3])
