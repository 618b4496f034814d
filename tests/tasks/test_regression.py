"""Numbers to standardised numbers and back, and the loss."""

import numpy as np
import pytest
import torch

from skmultigran.tasks import LOSSES, RegressionTask

TARGETS = {
    "one": np.array([3.0, 5.0, 10.0, -1.0]),
    "one column": np.array([[3.0], [5.0], [10.0], [-1.0]]),
    "several": np.array([[1e6, 1.0], [2e6, 1.5], [4e6, -3.0], [0.0, 0.0]]),
}


@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
def test_decode_is_the_inverse_of_encode(y):
    task = RegressionTask.learn(y, np.ones(4))
    encoded = task.encode(y)
    assert encoded.dtype == np.float32
    assert encoded.shape == (4, task.n_outputs)
    np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(encoded.std(axis=0), 1, rtol=1e-6)
    decoded = task.decode(torch.from_numpy(encoded))
    assert decoded.shape == y.shape
    np.testing.assert_allclose((decoded - y) / task.spread, 0, atol=1e-6)


@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
def test_integer_weights_are_repetitions(y):
    weights = np.array([1, 3, 2, 5])
    weighted = RegressionTask.learn(y, weights.astype(float))
    repeated = RegressionTask.learn(np.repeat(y, weights, axis=0), np.ones(11))
    np.testing.assert_allclose(weighted.center, repeated.center)
    np.testing.assert_allclose(weighted.spread, repeated.spread)


def test_constant_targets_have_deviation_one():
    task = RegressionTask.learn(np.full(7, 0.1), np.linspace(0.1, 1, 7))
    assert (task.center, task.spread) == (0.1, 1.0)


def test_loss_is_the_squared_error_and_score_its_negative():
    task = RegressionTask.learn(TARGETS["several"], np.ones(4))
    outputs = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    targets = torch.tensor([[0.0, 4.0], [0.0, 0.0]])
    assert task.loss(outputs, targets, 0.1).tolist() == [2.5, 0.0]
    assert task.score(outputs, targets).tolist() == [-2.5, 0.0]


def test_targets_of_another_shape_are_refused():
    task = RegressionTask.learn(TARGETS["several"], np.ones(4))
    with pytest.raises(ValueError, match=r"shape \(4,\).*shape \('n', 2\)"):
        task.encode(TARGETS["one"])


LOSSES_OF_ERRORS = {
    "squared_error": [4.0, 0.25, 1.0],
    "absolute_error": [2.0, 0.5, 1.0],
    "huber": [0.5 * (2 - 0.25), 0.125, 0.5 * (1 - 0.25)],
    "quantile": [1.6, 0.1, 0.8],
}


@pytest.mark.parametrize("loss", LOSSES)
def test_known_losses(loss):
    """The errors are 2, -0.5 and 1: outputs too low, too high and too low."""
    task = RegressionTask.learn(TARGETS["one"], np.ones(4), loss=loss, quantile=0.8)
    outputs, targets = (
        torch.tensor([[0.0], [1.5], [2.0]]),
        torch.tensor([[2.0], [1], [3]]),
    )
    expected = torch.tensor(LOSSES_OF_ERRORS[loss])
    torch.testing.assert_close(task.loss(outputs, targets), expected)
    torch.testing.assert_close(task.score(outputs, targets), -expected)


def test_outliers_set_no_scale_of_robust_losses():
    y = np.random.default_rng(0).normal(5, 2, size=1000)
    y[:50] = 1e6
    task = RegressionTask.learn(y, np.ones(1000), loss="huber")
    assert task.center == pytest.approx(5, abs=0.3)
    assert task.spread == pytest.approx(2, abs=0.3)
    weights = np.where(y > 1e5, 1e-14, 1.0)
    assert RegressionTask.learn(y, weights).spread == pytest.approx(2, abs=0.3)


def test_where_quartiles_are_equal_the_deviation_is_the_spread():
    y = np.array([0.0] * 9 + [10.0])
    task = RegressionTask.learn(y, np.ones(10), loss="absolute_error")
    assert (task.center, task.spread) == (0.0, 3.0)
