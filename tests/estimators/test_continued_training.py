"""partial_fit, warm_start, early stopping."""

import pickle

import numpy as np
import pytest
import torch

from skmultigran import ConvNetBackbone
from skmultigran.images import ImageSource


def _losses(classifier):
    return [epoch["train_loss"] for epoch in classifier.history_]


def test_partial_fit_learns_step_by_step(small, pair):
    images, y = pair
    classifier = small(lr=0.005)
    for _ in range(15):
        classifier.partial_fit(images, y, classes=[0, 1])
    assert classifier.n_iter_ == 15
    assert [epoch["epoch"] for epoch in classifier.history_] == list(range(1, 16))
    assert _losses(classifier)[-1] < _losses(classifier)[0]
    assert classifier.score(images, y) == 1.0


def test_partial_fit_knows_classes_it_has_not_seen(small, pair):
    images, y = pair
    classifier = small()
    classifier.partial_fit(images[y == 0], y[y == 0], classes=[0, 1, 5])
    classifier.partial_fit(images[y == 1], y[y == 1])
    assert classifier.predict_proba(images).shape == (60, 3)


def test_partial_fit_of_a_single_image(small, pair):
    images, y = pair
    classifier = small().partial_fit(images, y, classes=[0, 1])
    before = classifier.decision_function(images[:1])
    classifier.partial_fit(images[:1], y[:1])
    after = classifier.decision_function(images[:1])
    assert np.isfinite(after).all()
    assert (after < before).all()  # more sure of class 0


def test_partial_fit_goes_on_after_a_pickle_as_without(small, pair):
    images, y = pair
    classifier = small().partial_fit(images, y, classes=[0, 1])
    loaded = pickle.loads(pickle.dumps(classifier))
    for estimator in (classifier, loaded):
        estimator.partial_fit(images, y)
    np.testing.assert_array_equal(
        loaded.predict_proba(images), classifier.predict_proba(images)
    )


def test_partial_fit_leaves_the_rate_constant(small, pair):
    images, y = pair
    classifier = small(lr=0.01)
    for _ in range(3):
        classifier.partial_fit(images, y, classes=[0, 1])
    assert [epoch["lr"] for epoch in classifier.history_] == [0.01] * 3


def test_warm_start_goes_on(small, pair):
    images, y = pair
    cold = small(max_epochs=8, lr=0.005)
    warm = small(max_epochs=8, lr=0.005, warm_start=True)
    first = _losses(cold.fit(images, y))
    assert _losses(warm.fit(images, y)) == first
    assert _losses(cold.fit(images, y)) == first
    assert _losses(warm.fit(images, y))[0] < 0.8 * first[0]


def test_warm_start_needs_the_same_classes(small, pair):
    images, y = pair
    classifier = small(max_epochs=1, warm_start=True).fit(images, y)
    with pytest.raises(ValueError, match=r"labels \[7\].*not among the classes"):
        classifier.fit(images, np.where(y == 1, 7, 0))


def test_early_stopping_restores_the_best_weights(small, digits):
    X, y = digits
    X_val, y_val = X[150:], y[150:]
    classifier = small(max_epochs=40, n_iter_no_change=3, lr=0.05)
    classifier.fit(X[:150], y[:150], X_val=X_val, y_val=y_val)
    losses = [epoch["valid_loss"] for epoch in classifier.history_]
    assert classifier.n_iter_ == len(losses) < 40
    assert classifier.best_epoch_ == 1 + int(np.argmin(losses))
    assert classifier.best_epoch_ < classifier.n_iter_
    log_probabilities = classifier.predict_log_proba(X_val)
    loss = -log_probabilities[
        np.arange(50), np.searchsorted(classifier.classes_, y_val)
    ]
    assert loss.mean() == pytest.approx(min(losses), rel=1e-4)
    scores = [epoch["valid_score"] for epoch in classifier.history_]
    assert classifier.score(X_val, y_val) == pytest.approx(
        scores[classifier.best_epoch_ - 1]
    )


@pytest.mark.parametrize(("patience", "tol"), [(2, 10.0), (4, 10.0)])
def test_patience_and_tolerance(small, digits, patience, tol):
    X, y = digits
    classifier = small(max_epochs=30, n_iter_no_change=patience, tol=tol)
    classifier.fit(X, y, X_val=X[:20], y_val=y[:20])
    # No epoch after the first improves by ten, so patience runs out at once.
    assert classifier.n_iter_ == 1 + patience


def test_hold_out_only_when_asked(small, digits, monkeypatch):
    X, y = digits
    seen = []
    monkeypatch.setattr(
        "skmultigran.training._batches.batch_bounds",
        lambda n, size: seen.append(n) or [(0, n)],
    )
    small(max_epochs=1).fit(X, y)
    small(max_epochs=1).fit(X, y, X_val=X[:9], y_val=y[:9])
    small(max_epochs=1, early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert [n for i, n in enumerate(seen) if n not in seen[:i]] == [200, 160]
    assert seen[-1] == 160


def test_validation_does_not_change_training(small, digits):
    X, y = digits
    alone = small().fit(X, y)
    watched = small(n_iter_no_change=99).fit(X, y, X_val=X[:9], y_val=y[:9])
    assert _losses(watched) == _losses(alone)


def test_auto_budget_counts_steps(small, digits):
    X, y = digits
    classifier = small(max_epochs="auto", batch_size=100, device="cpu")
    classifier.set_params(early_stopping=True, n_iter_no_change=1, tol=100.0).fit(X, y)
    assert classifier.max_epochs_ == 100
    assert classifier.n_iter_ == 2


def test_training_ends_in_evaluation_mode(small, pair):
    images, y = pair
    classifier = small().partial_fit(images, y, classes=[0, 1])
    assert not any(module.training for module in classifier.network_.modules())
    assert all(torch.isfinite(p).all() for p in classifier.network_.parameters())


@pytest.mark.parametrize("asked", [True, np.True_], ids=["bool", "numpy"])
def test_a_flag_of_numpy_holds_out_as_well(small, digits, asked):
    fitted = small(max_epochs=1, early_stopping=asked).fit(*digits)
    assert "valid_loss" in fitted.history_[0]


@pytest.mark.parametrize("asked", [False, np.False_], ids=["bool", "numpy"])
def test_a_flag_of_numpy_holds_nothing_out(small, digits, asked):
    fitted = small(max_epochs=1, early_stopping=asked).fit(*digits)
    assert "valid_loss" not in fitted.history_[0]


def test_partial_fit_cannot_stop_early(small, pair):
    images, y = pair
    classifier = small(early_stopping=True)
    with pytest.raises(ValueError, match=r"early_stopping=True.*single pass.*call fit"):
        classifier.partial_fit(images, y, classes=[0, 1])
    assert not hasattr(classifier, "classes_")


def test_partial_fit_prepares_each_image_once(small, pair, monkeypatch):
    images, y = pair
    prepared = []
    resized = ImageSource._resized
    monkeypatch.setattr(
        ImageSource,
        "_resized",
        lambda self, values: prepared.append(len(values)) or resized(self, values),
    )
    small().partial_fit(images, y, classes=[0, 1])
    assert sum(prepared) == 60


@pytest.mark.parametrize(
    "parameters",
    [
        {"fusion": "fpn"},
        {"backbone__widths": (8, 8)},
        {"head__dropout": 0.5},
        {"scales": (1.0, 0.5)},
        {"image_size": 8},
        {"deep_supervision": True},
        {"resize": "stretch"},
        {"value_range": np.array([0, 1])},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_another_network_is_not_ignored(small, pair, parameters):
    images, y = pair
    backbone = ConvNetBackbone(widths=(8, 16))
    classifier = small(max_epochs=1, warm_start=True, backbone=backbone)
    classifier.fit(images, y).set_params(**parameters)
    name = next(iter(parameters)).partition("__")[0]
    for train in (classifier.fit, classifier.partial_fit):
        with pytest.raises(ValueError, match=f"{name}=.* asks for another one"):
            train(images, y)
    assert classifier.set_params(warm_start=False).fit(images, y).n_iter_ == 1


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_the_backbone_may_be_held_from_now_on(small, pair, method):
    images, y = pair
    classifier = small(max_epochs=1, warm_start=True).fit(images, y)
    classifier.set_params(trainable="head")
    before = classifier.network_.state_dict()
    getattr(classifier, method)(images, y)
    after = classifier.network_.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed
    assert not any(name.startswith("pyramid") for name in changed)
    classifier.set_params(trainable="all").partial_fit(images, y)
    classifier = pickle.loads(pickle.dumps(classifier)).partial_fit(images, y)
    held = after["pyramid.backbones.0.stem.0.weight"]
    now = classifier.network_.state_dict()["pyramid.backbones.0.stem.0.weight"]
    assert not torch.equal(held, now)


def test_what_is_no_part_of_the_network_may_change(small, pair):
    images, y = pair
    classifier = small(max_epochs=1, warm_start=True).fit(images, y)
    classifier.set_params(max_epochs=2, lr=0.001, backbone__widths=[8, 16])
    assert classifier.fit(images, y).n_iter_ == 2


def test_a_fit_from_scratch_knows_nothing_of_the_one_before(small, pair):
    images, y = pair
    classifier = small(max_epochs=1).fit(images, y).set_params(trainable="head")
    with pytest.raises(ValueError, match="random weights"):
        classifier.fit(images, y)
    # What was there stays, and a warm start may well go on with it.
    assert classifier.n_iter_ == 1
    assert classifier.set_params(warm_start=True).fit(images, y).n_iter_ == 1


def test_predictions_are_those_of_the_fit(small, pair):
    images, y = pair
    images = images[:, :, :5]
    classifier = small(max_epochs=1, image_size=8).fit(images, y)
    before = classifier.decision_function(images)
    classifier.set_params(resize="stretch", value_range=(0, 9))
    np.testing.assert_array_equal(classifier.decision_function(images), before)


def test_sizes_that_are_welcome_are_those_of_the_fit(small, pair):
    images, y = pair
    fitted = small(max_epochs=1).fit(images, y).set_params(image_size=6)
    with pytest.raises(ValueError, match="images of 5 x 6 pixels.*fitted on .* 6 x 6"):
        fitted.predict(images[:, :5])
    resizing = small(max_epochs=1, image_size=6).fit(images, y)
    before = resizing.predict_proba(images[:, :5])
    resizing.set_params(image_size=None)
    np.testing.assert_array_equal(resizing.predict_proba(images[:, :5]), before)


def test_a_warm_start_takes_the_device_of_now(small, pair):
    images, y = pair
    classifier = small(max_epochs=1, warm_start=True).fit(images, y)
    with pytest.raises(ValueError, match="abacus"):
        classifier.set_params(device="abacus").fit(images, y)


def test_batches_of_one_image(small, pair):
    images, y = pair
    classifier = small(batch_size=1, max_epochs=1).fit(images[:15], y[:15])
    assert np.isfinite(classifier.predict_proba(images)).all()
