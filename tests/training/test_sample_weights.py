"""The rule of the weights: zero is absence, and only ratios count."""

import numpy as np
import pytest
from sklearn.utils import compute_sample_weight

from skmultigran.training import class_balanced, positive_rows, scaled_to_mean_one

X = np.zeros((4, 9))


@pytest.mark.parametrize(
    ("given", "rows", "weights"),
    [
        (None, [0, 1, 2, 3], [1, 1, 1, 1]),
        (2.0, [0, 1, 2, 3], [2, 2, 2, 2]),
        ([1, 0, 2, 0.5], [0, 2, 3], [1, 2, 0.5]),
        ([0, 0, 0, 1e-30], [3], [1e-30]),
        ([True, False, True, False], [0, 2], [1, 1]),
    ],
)
def test_zero_weight_is_absence(given, rows, weights):
    found_rows, found = positive_rows(given, X, "Owner")
    assert found_rows.tolist() == rows
    assert found.tolist() == weights
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, -2, 1, -3], r"Negative values .* row 1 has -2.0. Owner needs"),
        ([0, 0, 0, 0], "All sample_weight are zero: Owner has nothing"),
        (0.0, "All sample_weight are zero"),
        ([1, 1, np.nan, 1], "NaN"),
        ([1, 1, np.inf, 1], "infinity"),
        ([1, 1, 1], r"sample_weight.shape == \(3,\), expected \(4,\)"),
    ],
)
def test_bad_weights(given, message):
    with pytest.raises(ValueError, match=message):
        positive_rows(given, X, "Owner")


Y = np.array(["b", "a", "b", "b", "c", "a"])
CLASSES = np.array(["a", "b", "c"])


@pytest.mark.parametrize(
    "class_weight", [None, "balanced", {"a": 2, "b": 1, "c": 7}, {"b": 3}, {"c": 0}]
)
def test_class_weights_are_those_of_sklearn(class_weight):
    weights = np.linspace(1, 2, 6)
    found = class_balanced(np.ones(6), Y, CLASSES, class_weight)
    np.testing.assert_allclose(found, compute_sample_weight(class_weight, Y))
    if class_weight != "balanced":
        product = class_balanced(weights, Y, CLASSES, class_weight)
        np.testing.assert_allclose(product, weights * found)


def test_balanced_counts_samples_by_their_weight(seed):
    weights = np.random.default_rng(seed).uniform(0.1, 3, 6)
    found = class_balanced(weights, Y, CLASSES, "balanced")
    totals = [found[label == Y].sum() for label in CLASSES]
    np.testing.assert_allclose(totals, totals[0])


def test_balanced_integer_weights_equal_repetition():
    counts = np.array([1, 3, 2, 1, 4, 2])
    weighted = class_balanced(counts.astype(float), Y, CLASSES, "balanced")
    repeated = class_balanced(
        np.ones(counts.sum()), np.repeat(Y, counts), CLASSES, "balanced"
    )
    np.testing.assert_allclose(np.repeat(weighted / counts, counts), repeated)


@pytest.mark.parametrize("weight", [1.0, 0.1, 1 / 3, 1e-12, 7e30])
@pytest.mark.parametrize("n", [1, 3, 49])
def test_equal_weights_are_exactly_one(weight, n):
    found = scaled_to_mean_one(np.full(n, weight))
    assert found.dtype == np.float32
    assert (found == 1).all()


@pytest.mark.parametrize("factor", [2.0**40, 0.3, 1e-12, 1e15])
def test_constant_factor_changes_nothing(factor, seed):
    weights = np.random.default_rng(seed).uniform(0.1, 3, 100)
    found = scaled_to_mean_one(weights)
    np.testing.assert_allclose(scaled_to_mean_one(factor * weights), found, rtol=1e-6)
    assert found.mean() == pytest.approx(1, rel=1e-6)
    np.testing.assert_allclose(found / found[0], weights / weights[0], rtol=1e-6)
