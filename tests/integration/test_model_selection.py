"""Inside scikit-learn's pipelines, searches and cross-validation."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skmultigran import ConvNetBackbone, MultiGranularityClassifier


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:240], y[:240]


def classifier(**parameters):
    defaults = {
        "backbone": ConvNetBackbone(widths=(8, 16)),
        "max_epochs": 8,
        "batch_size": 16,
        "lr": 0.02,
        "random_state": 0,
    }
    return MultiGranularityClassifier(**(defaults | parameters))


def test_pipeline_scales_before_the_network(digits):
    X, y = digits
    pipeline = make_pipeline(MinMaxScaler(), classifier()).fit(X[:180], y[:180])
    assert pipeline.score(X[180:], y[180:]) > 0.75
    by_hand = classifier().fit(MinMaxScaler().fit_transform(X[:180]), y[:180])
    scaled = pipeline[0].transform(X[180:])
    np.testing.assert_array_equal(
        pipeline.predict_proba(X[180:]), by_hand.predict_proba(scaled)
    )


def test_weights_reach_the_classifier_through_a_pipeline(digits):
    X, y = digits
    weights = np.where(y < 2, 1.0, 0.0)
    pipeline = make_pipeline(MinMaxScaler(), classifier(max_epochs=1))
    pipeline.fit(X, y, multigranularityclassifier__sample_weight=weights)
    assert pipeline.classes_.tolist() == [0, 1]


def test_grid_search(digits):
    X, y = digits
    grid = {"fusion": ["concat", "attention"], "scales": [(1.0,), (1.0, 0.5)]}
    search = GridSearchCV(classifier(max_epochs=2), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    best = search.best_estimator_
    assert best.fusion == search.best_params_["fusion"]
    assert len(best.granularities_) == 2 * len(search.best_params_["scales"])
    # Refitting by hand gives the same model.
    again = classifier(max_epochs=2, **search.best_params_).fit(X, y)
    np.testing.assert_array_equal(search.predict_proba(X), again.predict_proba(X))


def test_search_on_images_with_axes_of_their_own(digits):
    X, y = digits
    grid = {"head__grid": [(1,), (1, 2)]}
    search = GridSearchCV(classifier(max_epochs=1), grid, cv=2)
    flat = search.fit(X, y).cv_results_["mean_test_score"]
    images = search.fit(X.reshape(-1, 8, 8), y).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(images, flat)


def test_halving_over_epochs(digits):
    X, y = digits
    search = HalvingGridSearchCV(
        classifier(),
        {"lr": [0.02, 1e-6]},
        resource="max_epochs",
        min_resources=2,
        max_resources=8,
        factor=2,
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_ == [2, 4]
    assert search.best_params_["lr"] == 0.02
    assert search.best_estimator_.n_iter_ == search.best_params_["max_epochs"]


class _ThreadCount(ClassifierMixin, BaseEstimator):
    """A classifier whose score is the number of torch threads where it was fitted."""

    def __init__(self, value=0):
        self.value = value

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        # The network must have been used for its thread pool to count.
        classifier(max_epochs=1).fit(X[:40], y[:40])
        self.threads_ = torch.get_num_threads()
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def score(self, X, y):
        return float(self.threads_)


def test_workers_use_one_thread_each(digits, monkeypatch):
    X, y = digits
    # A user sets no such variable; the test run does.
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads = cross_val_score(_ThreadCount(), X, y, cv=2, n_jobs=2)
    assert threads.tolist() == [1.0, 1.0]


def test_randomized_search_in_two_processes_equals_one(digits):
    X, y = digits
    search = RandomizedSearchCV(
        classifier(max_epochs=2),
        {"lr": [0.005, 0.01, 0.02], "fusion__channels": [None, 8]},
        n_iter=3,
        cv=2,
        random_state=0,
        refit=False,
    )
    alone = search.set_params(n_jobs=1).fit(X, y).cv_results_["mean_test_score"]
    both = search.set_params(n_jobs=2).fit(X, y).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(both, alone)


def test_cross_val_predict(digits):
    X, y = digits
    probabilities = cross_val_predict(classifier(), X, y, cv=2, method="predict_proba")
    assert probabilities.shape == (240, 10)
    assert np.mean(probabilities.argmax(axis=1) == y) > 0.7
