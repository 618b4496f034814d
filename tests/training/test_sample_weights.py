"""The rule of the weights: zero is absence, and only ratios count."""

import numpy as np
import pytest

from skmultigran.training import positive_rows, scaled_to_mean_one

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
