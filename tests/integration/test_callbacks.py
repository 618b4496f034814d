"""scikit-learn's own callbacks see search, fold and epoch."""

import io
from contextlib import redirect_stderr

import numpy as np
import pytest
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skmultigran import (
    ConvNetBackbone,
    MultiGranularityClassifier,
    PooledHead,
    Training,
)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:100], y[:100]


def classifier(**parameters):
    defaults = {
        "backbone": ConvNetBackbone(widths=(8,)),
        "max_epochs": 3,
        "batch_size": 16,
        "lr": 0.02,
        "random_state": 0,
    }
    return MultiGranularityClassifier(**(defaults | parameters))


class Recorder:
    """A callback that writes down what it is told, and may stop the fit."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.events = []
        self.estimators = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X, metadata):
        assert len(X) == 100
        assert set(metadata) == {"sample_weight"}
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.events.append(("end", context.task_name, context.task_id))
        self.estimators.append(fitted_estimator)
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after


def test_a_callback_is_told_of_every_epoch(digits):
    recorder = Recorder()
    classifier().set_callbacks(recorder).fit(*digits)
    epochs = [
        (event, "epoch", number) for number in range(3) for event in ("begin", "end")
    ]
    assert recorder.events == [
        "setup",
        ("begin", "fit", 0),
        *epochs,
        ("end", "fit", 0),
        "teardown",
    ]


def test_a_callback_gets_the_model_as_it_is_after_each_epoch(digits):
    X, y = digits
    recorder = Recorder()
    fitted = classifier(augment=None).set_callbacks(recorder).fit(X, y)
    *epochs, whole = recorder.estimators
    assert len(epochs) == 3
    probabilities = [estimator.predict_proba(X) for estimator in epochs]
    assert not np.allclose(probabilities[0], probabilities[1])
    assert not np.allclose(probabilities[1], probabilities[2])
    np.testing.assert_array_equal(whole.predict_proba(X), fitted.predict_proba(X))


def test_a_callback_does_not_change_the_result(digits):
    X, y = digits
    random = {"head": PooledHead(dropout=0.5), "training": Training(mixup=0.4)}
    expected = classifier(**random).fit(X, y).predict_proba(X)
    watched = classifier(**random).set_callbacks(Recorder()).fit(X, y)
    np.testing.assert_array_equal(watched.predict_proba(X), expected)


def test_scores_are_monitored_with_weights_and_validation_data(digits):
    X, y = digits
    weights = np.arange(100.0)
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    fitted = classifier().set_callbacks(monitor)
    fitted.fit(X, y, weights, X_val=X[:20], y_val=y[:20])
    epochs = [e for e in monitor.get_logs().data if e["task_name"] == "epoch"]
    whole = [e for e in monitor.get_logs().data if e["task_name"] == "fit"]
    assert len(epochs) == 3
    assert whole[0]["accuracy"] == pytest.approx(fitted.score(X, y, weights))


def test_a_callback_can_stop_the_fit(digits):
    fitted = classifier().set_callbacks(Recorder(stop_after=2)).fit(*digits)
    assert fitted.n_iter_ == 2


def test_teardown_after_a_failure_in_the_middle(digits, monkeypatch):
    def broken(self, images, generator):
        raise RuntimeError("no memory left")

    recorder = Recorder()
    failing = classifier().set_callbacks(recorder)
    before = dict(vars(failing))
    monkeypatch.setattr("skmultigran.images.Augmentation.__call__", broken)
    with pytest.raises(RuntimeError, match="no memory left"):
        failing.fit(*digits)
    assert recorder.events == [
        "setup",
        ("begin", "fit", 0),
        ("begin", "epoch", 0),
        "teardown",
    ]
    assert vars(failing) == before


def test_a_failure_before_training_sets_nothing_up(digits):
    recorder = Recorder()
    with pytest.raises(ValueError, match="abacus"):
        classifier(device="abacus").set_callbacks(recorder).fit(*digits)
    assert recorder.events == []


def test_progress_bar_shows_search_fold_and_epoch(digits, capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "200")
    X, y = digits
    search = GridSearchCV(classifier(), {"lr": [0.01, 0.02]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    shown = capsys.readouterr().out
    assert "GridSearchCV" in shown
    folds = shown.count("MultiGranularityClassifier - fit")
    assert folds >= 5  # two candidates of two folds, and the refit
    assert shown.count("100%") > folds


@pytest.mark.parametrize(("verbose", "shown"), [(1, True), (0, False)])
def test_verbose_shows_a_bar_of_its_own(digits, verbose, shown):
    written = io.StringIO()
    with redirect_stderr(written):
        classifier(verbose=verbose).fit(*digits)
    assert ("MultiGranularityClassifier: 100%" in written.getvalue()) is shown
    assert ("train_loss" in written.getvalue()) is shown
