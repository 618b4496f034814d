"""Training(mixup=) in every estimator that is trained."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from skmultigran import (
    MultiGranularityClassifier,
    MultiGranularityDetector,
    MultiGranularityMultiTask,
    MultiGranularityRegressor,
    MultiGranularitySegmenter,
    ProgressiveTraining,
    Training,
)
from skmultigran.datasets import make_digit_scenes

MIXING = Training(mixup=0.4)


@pytest.fixture(scope="module")
def digits():
    images, y = load_digits().images, load_digits().target
    return images[:300], y[:300]


def test_a_mixing_classifier_learns(digits):
    X, y = digits
    model = MultiGranularityClassifier(training=MIXING, max_epochs=12, random_state=0)
    assert model.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.8


def test_the_seed_decides(digits):
    X, y = digits
    model = MultiGranularityClassifier(training=MIXING, max_epochs=1, random_state=3)
    found = [model.fit(X, y).predict_proba(X) for _ in range(2)]
    np.testing.assert_array_equal(*found)
    plain = clone(model).set_params(training__mixup=0.0).fit(X, y).predict_proba(X)
    assert np.abs(plain - found[0]).max() > 1e-3


@pytest.mark.parametrize("parameters", [
    {"deep_supervision": True},
    {"training": ProgressiveTraining(mixup=0.4)},
    {"trainable": "head", "backbone": "scattering"},
])  # fmt: skip
def test_mixing_goes_with_other_ways_of_training(digits, parameters):
    X, y = digits
    parameters = {"training": MIXING, "max_epochs": 1, "random_state": 0} | parameters
    model = MultiGranularityClassifier(**parameters).fit(X, y)
    assert np.isfinite(model.history_[-1]["train_loss"])


def test_mixing_numbers_and_missing_answers(digits):
    X, y = digits
    ink = X.sum(axis=(1, 2))
    regressor = MultiGranularityRegressor(training=MIXING, max_epochs=8, random_state=0)
    assert regressor.fit(X, ink).score(X, ink) > 0.5
    answers = {"digit": np.where(np.arange(300) % 3, y, np.nan), "ink": ink}
    model = MultiGranularityMultiTask(
        tasks={"digit": "classification", "ink": "regression"},
        training=MIXING,
        max_epochs=8,
        random_state=0,
    ).fit(X, answers)
    assert model.scores(X, {"digit": y, "ink": ink})["digit"] > 0.5


def test_mixing_masks_and_boxes():
    scenes = make_digit_scenes(16, 48, random_state=0)
    common = {"training": MIXING, "max_epochs": 8, "random_state": 0}
    for model, y in (
        (MultiGranularitySegmenter(**common), scenes.masks),
        (MultiGranularityDetector(**common), scenes.y),
    ):
        losses = [epoch["train_loss"] for epoch in model.fit(scenes.images, y).history_]
        assert losses[-1] < losses[0]
