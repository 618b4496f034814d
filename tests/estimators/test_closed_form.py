"""Heads that are solved in closed form instead of trained."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from skmultigran import (
    ClosedFormTraining,
    ConvNetBackbone,
    MultiGranularityClassifier,
    MultiGranularityMultiTask,
    MultiGranularityRegressor,
    MultiGranularitySegmenter,
    MultiGranularityTransformer,
    PooledHead,
    ScatteringBackbone,
    load_model,
    save_model,
)
from skmultigran._network import MultiGranularityNetwork
from skmultigran.inspection import granularity_importance
from skmultigran.training._closed_form import _columns, _standardise

FROZEN = {"backbone": "scattering", "trainable": "head", "random_state": 0}
X, Y = load_digits(return_X_y=True)
X, Y, X_TEST, Y_TEST = X[:200], Y[:200], X[200:500], Y[200:500]


def classifier(**parameters):
    defaults = {**FROZEN, "training": "closed_form"}
    return MultiGranularityClassifier(**(defaults | parameters))


def regressor(**parameters):
    defaults = {**FROZEN, "training": "closed_form"}
    return MultiGranularityRegressor(**(defaults | parameters))


# The same columns as the transformer has.
AVERAGES = {"pooling": ("avg",), "grid": (1,)}
ROOTS = PooledHead(**AVERAGES, power=0.5)


def columns(images):
    """Return standardised columns, as the head sees them."""
    transformer = MultiGranularityTransformer(head=PooledHead(**AVERAGES))
    found = transformer.fit(images).transform(images)
    # The norm adds as little to variances.
    return (found - found.mean(0)) / np.sqrt(found.var(0) + 1e-5)


def test_it_is_a_discriminant_of_the_transformers_columns():
    training = ClosedFormTraining(shrinkage=0.4)
    fitted = classifier(training=training, head=ROOTS).fit(X, Y)
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.4)
    expected = peer.fit(columns(X), Y).decision_function(columns(X))
    found = fitted.decision_function(X)
    # Equal but for what all classes of an image have in common, and the calibration.
    found, expected = (a - a.mean(1, keepdims=True) for a in (found, expected))
    factor = (found * expected).sum() / (expected**2).sum()
    assert 0 < factor < 1  # discriminants alone are overconfident
    np.testing.assert_allclose(found, factor * expected, atol=1e-3)


def test_regression_is_a_ridge_of_the_transformers_columns():
    numbers = Y * 3.0 + 100
    training = ClosedFormTraining(shrinkage=0.2)
    fitted = regressor(training=training, head=ROOTS).fit(X, numbers)
    seen = columns(X)
    alpha = 0.2 / 0.8 * seen.var(0).mean() * len(X)
    expected = Ridge(alpha=alpha).fit(seen, numbers).predict(seen)
    np.testing.assert_allclose(fitted.predict(X), expected, rtol=2e-3)


def test_it_learns_digits_and_says_how():
    fitted = classifier().fit(X, Y)
    assert fitted.score(X_TEST, Y_TEST) > 0.85
    (epoch,) = fitted.history_
    assert set(epoch) == {"epoch", "train_loss", "lr", "seconds", "shrinkage"}
    assert epoch["shrinkage"] in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
    assert fitted.n_iter_ == fitted.best_epoch_ == fitted.max_epochs_ == 1


def test_probabilities_are_calibrated():
    fitted = classifier().fit(X, Y)
    probabilities = fitted.predict_proba(X_TEST)
    loss = -np.log(probabilities[np.arange(300), Y_TEST]).mean()
    assert loss < 0.5
    assert abs(probabilities.max(1).mean() - fitted.score(X_TEST, Y_TEST)) < 0.06


def test_several_numbers():
    numbers = np.stack([Y, -2.0 * Y], axis=1)
    fitted = regressor().fit(X, numbers)
    assert fitted.predict(X_TEST).shape == (300, 2)
    assert fitted.score(X_TEST, np.stack([Y_TEST, -2.0 * Y_TEST], axis=1)) > 0.6


def test_weights_count_and_zero_equals_absence():
    weights = np.r_[np.zeros(50), np.full(150, 3.0)]
    some = classifier().fit(X[50:], Y[50:]).predict_proba(X_TEST)
    weighted = classifier().fit(X, Y, weights).predict_proba(X_TEST)
    np.testing.assert_array_equal(weighted, some)
    heavy = classifier().fit(X, Y, 1.0 + 9 * (Y == 3)).predict_proba(X_TEST)
    plain = classifier().fit(X, Y).predict_proba(X_TEST)
    assert heavy[:, 3].mean() > plain[:, 3].mean()


def test_validation_data_are_judged():
    fitted = classifier().fit(X, Y, X_val=X_TEST, y_val=Y_TEST)
    assert fitted.history_[0]["valid_score"] == pytest.approx(
        fitted.score(X_TEST, Y_TEST), abs=1e-6
    )


def test_it_is_carried_by_files(tmp_path):
    fitted = classifier().fit(X, Y)
    expected = fitted.predict_proba(X_TEST)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(X_TEST), expected)
    pytest.importorskip("skops")
    save_model(fitted, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops")
    np.testing.assert_array_equal(loaded.predict_proba(X_TEST), expected)


def test_a_search_over_shrinkages_looks_at_each_image_once(tmp_path, monkeypatch):
    seen = []
    grid = {"training": [ClosedFormTraining(shrinkage=s) for s in (0.1, 0.5)]}
    plain = MultiGranularityNetwork.pooled
    monkeypatch.setattr(
        MultiGranularityNetwork,
        "pooled",
        lambda self, images: seen.append(len(images)) or plain(self, images),
    )
    search = GridSearchCV(classifier(memory=str(tmp_path)), grid, cv=2).fit(X, Y)
    assert 0 < sum(seen) < 2 * len(X)  # batches are padded
    assert search.best_estimator_.score(X_TEST, Y_TEST) > 0.85


def test_few_images_and_one_per_class():
    fitted = classifier().fit(X[:4], [0, 1, 0, 2])
    np.testing.assert_array_equal(fitted.predict(X[:4]), [0, 1, 0, 2])
    alone = classifier().fit(X[:2], [0, 1])
    np.testing.assert_array_equal(alone.predict(X[:2]), [0, 1])


def test_the_head_of_auto():
    assert classifier().get_params()["head__grid"] == (7,)
    assert classifier(training="standard").get_params()["head__grid"] == (1, 2)
    pretrained = classifier(backbone="efficientnet_lite0")
    assert pretrained.get_params()["head__grid"] == (1, 2)
    assert pretrained.get_params()["head__pooling"] == ("avg", "max")
    assert pretrained.get_params()["head__power"] == 0.5
    own = clone(classifier()).set_params(head__grid=(2,)).fit(X, Y)
    assert own.head.get_params() == {
        "pooling": ("avg",),
        "grid": (2,),
        "dropout": 0.0,
        "power": 0.5,
    }
    # Names that are unknown are for fit to complain of.
    assert classifier(backbone="skattering").get_params()["head__grid"] == (1, 2)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"trainable": "all"}, r"trainable='all'.*Set trainable='head'"),
        ({"augment": "shift"}, r"augment='shift'.*augment='auto'"),
        ({"fusion": "fpn"}, r"fusion='fpn'.*fusion='concat'"),
        ({"fusion": "gated"}, r"fusion='gated' has weights.*fusion='concat'"),
        ({"deep_supervision": True}, r"Set deep_supervision=False"),
        ({"backbone": ConvNetBackbone()}, r"random weights"),
        ({"training": ClosedFormTraining(shrinkage=0.0)}, r"'shrinkage' parameter"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_has_no_closed_form_is_refused(parameters, message):
    refused = classifier(**parameters)
    with pytest.raises(ValueError, match=message):
        refused.fit(X, Y)
    assert not hasattr(refused, "net_")


def test_answers_without_closed_form_are_refused():
    message = r"one label per image.*Take training='standard'"
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, np.stack([Y > 4, Y % 2 == 0], axis=1).astype(int))
    with pytest.raises(ValueError, match=message):
        regressor(loss="absolute_error").fit(X, Y)
    with pytest.raises(ValueError, match=message):
        MultiGranularityMultiTask(
            tasks={"digit": "classification"}, **FROZEN, training="closed_form"
        ).fit(X, {"digit": Y})
    images = X.reshape(-1, 8, 8)
    with pytest.raises(ValueError, match=message):
        MultiGranularitySegmenter(
            backbone=ScatteringBackbone(), trainable="head", training="closed_form"
        ).fit(images, (images > 8).astype(int))


def test_it_needs_all_images_at_once():
    assert hasattr(classifier(training="standard"), "partial_fit")
    assert not hasattr(classifier(), "partial_fit")
    fitted = classifier(head=ROOTS).fit(X, Y).set_params(training="standard")
    assert not hasattr(fitted, "partial_fit")  # it would go on in closed form
    with pytest.raises(AttributeError, match=r"has no attribute 'partial_fit'") as told:
        fitted.partial_fit(X, Y)
    assert "all images at once. Call fit" in str(told.value.__cause__)
    trained = classifier(training="standard", max_epochs=1).fit(X, Y)
    with pytest.raises(AttributeError, match="partial_fit") as told:
        trained.set_params(training="closed_form").partial_fit(X, Y)
    assert "training='closed_form', which needs all" in str(told.value.__cause__)
    # Unknown names are for fit to complain of, not for a look at what there is.
    assert hasattr(classifier(training="closed_fom"), "partial_fit")


def test_a_training_of_another_kind_is_refused():
    refused = classifier(training=PooledHead())
    assert refused.get_params()["head__grid"] == (1, 2)
    with pytest.raises(ValueError, match=r"'training' parameter.*Training"):
        refused.fit(X, Y)


@pytest.mark.parametrize("shrinkage", [1e-4, 0.01, 0.5, 1.0])
def test_wide_columns_keep_their_digits(shrinkage):
    numbers = Y * 3.0
    training = ClosedFormTraining(shrinkage=shrinkage)
    fitted = regressor(training=training).fit(X, numbers)
    state = fitted.network_.head
    seen = _columns(fitted.network_, fitted._seen(fitted._source(_read(fitted, X))))
    _standardise(copy.deepcopy(state), seen, torch.ones(len(X), dtype=torch.float64))
    seen = seen.numpy()
    alpha = shrinkage * seen.var(0).mean() * len(X)
    expected = Ridge(alpha=alpha, solver="cholesky").fit(
        seen * np.sqrt(1 - shrinkage), numbers
    )
    expected = expected.predict(seen * np.sqrt(1 - shrinkage)) - Y.mean() * 3
    found = fitted.predict(X) - Y.mean() * 3
    np.testing.assert_allclose(found, expected, atol=2e-3)


def _read(fitted, images):
    from skmultigran.estimators._reading import read_images

    return read_images(fitted, images, reset=False)


def test_a_class_that_is_absent_from_a_warm_start_stays_finite():
    fitted = classifier(warm_start=True).fit(X, Y).fit(X[Y != 3], Y[Y != 3])
    assert np.isfinite(fitted.decision_function(X_TEST)).all()
    assert fitted.predict_proba(X_TEST)[:, 3].max() < 1e-6


@pytest.mark.parametrize("channels", [1, 3])
def test_blank_images_give_the_shares_of_the_classes(channels):
    blank = np.full((30, 8, 8, channels), 7, np.uint8)
    fitted = classifier().fit(blank, np.r_[np.zeros(20), np.ones(10)])
    shares = fitted.predict_proba(blank[:1])
    np.testing.assert_allclose(shares, [[2 / 3, 1 / 3]], atol=0.02)


def test_one_image_per_class_whatever_its_weight():
    fitted = classifier().fit(X[:3], [0, 1, 2], [1.0, 2.0, 4.0])
    weight = fitted.network_.head.linear.weight
    assert weight.abs().max() < 100
    np.testing.assert_array_equal(fitted.predict(X[:3]), [0, 1, 2])


def test_predictions_change_no_attribute_and_memory_no_bit(tmp_path):
    plain, kept = classifier().fit(X, Y), classifier(memory=tmp_path).fit(X, Y)
    before = dict(vars(kept))
    for _ in range(2):
        found = kept.predict_proba(X_TEST)
        np.testing.assert_array_equal(found, plain.predict_proba(X_TEST))
    assert vars(kept) == before


def test_callbacks_score_it():
    monitor = ScoringMonitor(scoring="accuracy")
    fitted = classifier().set_callbacks(monitor).fit(X, Y)
    (epoch,) = (e for e in monitor.get_logs().data if e["task_name"] == "epoch")
    assert epoch["accuracy"] == pytest.approx(fitted.score(X, Y))


def test_it_is_inspected_as_others_are():
    fitted = classifier(scales=(1.0, 0.5)).fit(X, Y)
    found = granularity_importance(fitted, X_TEST, Y_TEST, random_state=0)
    assert found.granularities == fitted.granularities_
    assert found.importances_mean.max() > 0.05


def test_a_warm_start_solves_anew():
    fitted = classifier(warm_start=True).fit(X[:100], Y[:100]).fit(X, Y)
    expected = classifier().fit(X, Y).predict_proba(X_TEST)
    np.testing.assert_allclose(fitted.predict_proba(X_TEST), expected, atol=1e-6)
