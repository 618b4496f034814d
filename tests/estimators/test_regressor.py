"""The regressor: numbers in their own units, losses, weights, and what it shares."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skmultigran import ConvNetBackbone, FeatureCache, MultiGranularityRegressor

LOSSES = ["squared_error", "absolute_error", "huber", "quantile"]


def small(**parameters):
    defaults = {
        "backbone": ConvNetBackbone(widths=(8, 16)),
        "max_epochs": 4,
        "batch_size": 16,
        "lr": 0.02,
        "random_state": 0,
    }
    return MultiGranularityRegressor(**(defaults | parameters))


@pytest.fixture(scope="module")
def digits():
    """Return 200 digits, their ink, and how far to the right it lies."""
    images = load_digits().images[:200]
    ink = images.sum(axis=(1, 2))
    right = images.sum(axis=1) @ np.arange(8) / ink
    return images, np.column_stack([ink, right])


@pytest.fixture(scope="module")
def noise():
    """Return images that are all alike, and skewed numbers: nothing to tell from X."""
    y = np.random.default_rng(0).exponential(size=300) * 50 + 1000
    return np.zeros((300, 2, 2)), y


def test_numbers_may_be_a_tensor_with_gradients(digits):
    images, y = digits
    expected = small(max_epochs=1).fit(images, y).predict(images)
    numbers = torch.tensor(y, requires_grad=True)
    found = small(max_epochs=1).fit(images, numbers).predict(images)
    np.testing.assert_array_equal(found, expected)


def test_it_learns_what_the_image_shows(digits):
    images, y = digits
    regressor = small(max_epochs=25).fit(images[:150], y[:150])
    predicted = regressor.predict(images[150:])
    assert predicted.shape == (50, 2)
    errors = ((predicted - y[150:]) ** 2).mean(axis=0) / y[150:].var(axis=0)
    assert (errors < 0.2).all()
    assert regressor.score(images[150:], y[150:]) == pytest.approx(
        1 - errors.mean(), abs=1e-6
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_units_are_of_no_matter(digits, loss):
    images, y = digits
    regressor = small(loss=loss, quantile=0.7)
    expected = regressor.fit(images, y[:, 0]).predict(images)
    moved = regressor.fit(images, 1e-3 * y[:, 0] - 7).predict(images)
    np.testing.assert_allclose((moved + 7) / 1e-3, expected, rtol=1e-3)


AIMS = {
    "squared_error": (0.5, np.mean),
    "absolute_error": (0.5, np.median),
    "quantile": (0.9, lambda y: np.quantile(y, 0.9)),
}


@pytest.mark.parametrize("loss", AIMS)
def test_what_each_loss_aims_at(noise, loss):
    images, y = noise
    quantile, aim = AIMS[loss]
    regressor = small(loss=loss, quantile=quantile, max_epochs=60, batch_size=100)
    predicted = regressor.fit(images, y).predict(images[:1])
    assert predicted == pytest.approx(aim(y), abs=0.1 * y.std())
    others = [f(y) for name, (_, f) in AIMS.items() if name != loss]
    assert min(abs(predicted - other) for other in others) > 0.1 * y.std()


def test_huber_is_between_median_and_mean(noise):
    images, y = noise
    means = [
        small(loss="huber", epsilon=epsilon, max_epochs=60, batch_size=100)
        .fit(images, y)
        .predict(images[:1])[0]
        for epsilon in (1e-3, 0.5, 100.0)
    ]
    assert means == sorted(means)
    assert means[0] == pytest.approx(np.median(y), abs=0.1 * y.std())
    assert means[2] == pytest.approx(y.mean(), abs=0.1 * y.std())


def test_an_interval_of_two_quantiles(digits):
    images, y = digits
    known, asked = y[:150], y[150:]
    low, high = (
        small(loss="quantile", quantile=q, max_epochs=15)
        .fit(images[:150], known)
        .predict(images[150:])
        for q in (0.1, 0.9)
    )
    assert np.mean(low < high) > 0.9
    assert np.mean(high - low) < y.std(axis=0).mean() * 2
    assert np.mean((low <= asked) & (asked <= high)) > 0.6
    for quantile, found in ((0.1, low), (0.9, high)):
        same = np.broadcast_to(np.quantile(known, quantile, axis=0), asked.shape)
        loss, loss_of_same = (
            mean_pinball_loss(asked, guess, alpha=quantile) for guess in (found, same)
        )
        assert loss < 0.6 * loss_of_same


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((200,), np.float64, np.float64),
        ((200, 1), np.float32, np.float32),
        ((200, 2), np.int64, np.float64),
    ],
    ids=str,
)
def test_predictions_are_like_y(digits, shape, dtype, expected):
    images, y = digits
    y = y[:, : np.prod(shape[1:], dtype=int)].reshape(shape).astype(dtype)
    predicted = small(max_epochs=1).fit(images, y).predict(images[:7])
    assert predicted.shape == (7, *shape[1:])
    assert predicted.dtype == expected


def test_a_constant_target_is_predicted(digits):
    images, _ = digits
    predicted = small(max_epochs=25).fit(images, np.full(200, 1e4)).predict(images)
    np.testing.assert_allclose(predicted, 1e4, atol=0.5)


@pytest.mark.parametrize("loss", LOSSES)
def test_weight_zero_equals_absence_bit_for_bit(digits, loss):
    images, y = digits
    weights = np.random.default_rng(0).uniform(0.5, 2, size=200)
    weights[::3] = 0
    present = weights > 0
    wrong = np.where(present[:, None], y, 1e9)
    expected = small(loss=loss).fit(images[present], y[present], weights[present])
    np.testing.assert_array_equal(
        small(loss=loss).fit(images, wrong, weights).predict(images),
        expected.predict(images),
    )


def test_a_constant_factor_of_weights_changes_nothing(digits):
    images, y = digits
    weights = np.random.default_rng(0).uniform(0.5, 2, size=200)
    expected = small().fit(images, y, weights).predict(images)
    np.testing.assert_array_equal(
        small().fit(images, y, 4 * weights).predict(images), expected
    )
    np.testing.assert_allclose(
        small().fit(images, y, 3e5 * weights).predict(images), expected, rtol=1e-3
    )


def test_weights_reach_the_loss(noise):
    images, y = noise
    weights = np.where(y > np.median(y), 9.0, 1.0)
    regressor = small(max_epochs=60, batch_size=100).fit(images, y, weights)
    expected = np.average(y, weights=weights)
    assert regressor.predict(images[:1]) == pytest.approx(expected, abs=0.1 * y.std())
    assert abs(expected - y.mean()) > 0.2 * y.std()
    weighted = regressor.score(images, y, sample_weight=weights)
    assert weighted > regressor.score(images, y)


def test_auto_augmentation_is_none(digits):
    images, y = digits
    expected = small(augment=None).fit(images, y).predict(images)
    np.testing.assert_array_equal(small().fit(images, y).predict(images), expected)
    moved = small(augment="affine").fit(images, y).predict(images)
    assert not np.allclose(moved, expected)


def test_early_stopping_restores_the_best_weights(digits):
    images, y = digits
    regressor = small(max_epochs=40, n_iter_no_change=2, lr=0.05)
    regressor.fit(images[:150], y[:150], X_val=images[150:], y_val=y[150:])
    losses = [epoch["valid_loss"] for epoch in regressor.history_]
    assert regressor.n_iter_ == len(losses) < 40
    assert regressor.best_epoch_ == 1 + int(np.argmin(losses))
    errors = (regressor.predict(images[150:]) - y[150:]) / y[:150].std(axis=0)
    assert np.mean(errors**2) == pytest.approx(min(losses), rel=1e-4)


def test_a_hold_out_is_drawn_at_random(digits):
    images, y = digits
    regressor = small(max_epochs=2, early_stopping=True).fit(images, y)
    assert "valid_score" in regressor.history_[0]


def test_partial_fit_keeps_the_scale_of_its_first_call(digits):
    images, y = digits
    regressor = small(lr=0.01)
    for _ in range(12):
        regressor.partial_fit(images, y)
    losses = [epoch["train_loss"] for epoch in regressor.history_]
    assert regressor.n_iter_ == len(losses) == 12
    assert losses[-1] < 0.5 * losses[0]
    loaded = pickle.loads(pickle.dumps(regressor))
    for estimator in (regressor, loaded):
        estimator.partial_fit(images[:40], 1000 + y[:40])
    assert regressor.history_[-1]["train_loss"] > 100 * losses[-1]
    np.testing.assert_array_equal(loaded.predict(images), regressor.predict(images))


def test_warm_start_goes_on_with_another_loss(noise):
    images, y = noise
    regressor = small(max_epochs=60, batch_size=100, warm_start=True).fit(images, y)
    regressor.set_params(loss="quantile", quantile=0.9).fit(images, y)
    assert regressor.predict(images[:1]) == pytest.approx(
        np.quantile(y, 0.9), abs=0.1 * y.std()
    )
    with pytest.raises(ValueError, match=r"shape \(300, 1\).*\('n',\)"):
        regressor.fit(images, y[:, None])


def test_clone_pickle_and_predict_leave_no_trace(digits):
    images, y = digits
    regressor = small(fusion="attention").fit(images, y)
    before = dict(vars(regressor))
    expected = regressor.predict(images)
    assert vars(regressor) == before
    loaded = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(loaded.predict(images), expected)
    with pytest.raises(NotFittedError):
        clone(regressor).predict(images)


def test_inside_pipelines_and_searches(digits):
    images, y = digits
    rows = images.reshape(200, -1)
    pipeline = make_pipeline(MinMaxScaler(), small(max_epochs=8))
    grid = {"multigranularityregressor__loss": ["squared_error", "absolute_error"]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(rows, y)
    assert search.best_score_ > 0.3
    model = TransformedTargetRegressor(
        small(max_epochs=8), func=np.log, inverse_func=np.exp
    )
    assert (cross_val_score(model, rows, y, cv=2) > 0.3).all()


def test_a_frozen_backbone_looks_once(digits, tmp_path):
    images, y = digits
    regressor = small(backbone="scattering", trainable="head", max_epochs=20)
    expected = regressor.fit(images, y).predict(images)
    assert regressor.score(images, y) > 0.5
    kept = clone(regressor).set_params(memory=tmp_path).fit(images, y)
    np.testing.assert_array_equal(kept.predict(images), expected)
    assert FeatureCache(tmp_path).info().entries > 0


def test_files_that_cannot_be_read_are_left_out_with_their_numbers(digits, tmp_path):
    images, y = digits
    paths = [tmp_path / f"{i}.png" for i in range(20)]
    for path, image in zip(paths, images, strict=False):
        Image.fromarray((image * 15).astype(np.uint8)).save(path)
    paths[3].write_bytes(b"no image")
    regressor = small(on_error="skip", max_epochs=1)
    with pytest.warns(UserWarning, match="leaves out 1 of 20 images"):
        regressor.fit(paths, y[:20])
    readable = np.delete(np.arange(20), 3)
    good = [paths[i] for i in readable]
    expected = small(max_epochs=1).fit(good, y[readable]).predict(good)
    np.testing.assert_array_equal(regressor.predict(good), expected)


BAD = {
    "NaN": (np.full(20, np.nan), {}, "Input y contains NaN"),
    "words": (np.full(20, "a"), {}, "could not convert string to float"),
    "three axes": (np.zeros((20, 2, 2)), {}, "dim 3"),
    "another length": (np.zeros(19), {}, "inconsistent numbers of samples"),
    "loss unknown": (np.zeros(20), {"loss": "l2"}, "'loss' parameter"),
    "quantile": (np.zeros(20), {"quantile": 1.0}, "'quantile' parameter"),
    "epsilon": (np.zeros(20), {"epsilon": 0}, "'epsilon' parameter"),
}


@pytest.mark.parametrize(("y", "parameters", "match"), BAD.values(), ids=BAD)
def test_bad_input_leaves_the_estimator_as_it_was(digits, y, parameters, match):
    images, good = digits
    regressor = small(max_epochs=1).fit(images, good).set_params(**parameters)
    before = dict(vars(regressor))
    with pytest.raises(ValueError, match=match):
        regressor.fit(images[:20], y)
    assert vars(regressor) == before
