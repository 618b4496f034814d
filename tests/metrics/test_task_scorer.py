"""Scorers of one task: the same as scorers of that task's own estimator."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import get_scorer
from sklearn.pipeline import make_pipeline

from skmultigran.metrics import make_task_scorer

X = np.random.default_rng(0).uniform(size=(40, 3))
KIND = np.where(X[:, 0] > 0.4, "yes", "no")
SIZE = X[:, 1] + X[:, 2]
TAGS = (X[:, :2] > 0.5).astype(int)


class Oracle(BaseEstimator):
    """Several tasks by rules of its own: an estimator that needs no network."""

    tasks = {"kind": {"type": "classification", "missing": "?"}, "size": "regression"}
    classes_ = {"kind": np.array(["no", "yes"]), "tags": np.arange(2)}

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        return self

    def predict(self, X):
        probabilities = self.predict_proba(X)
        return {
            "kind": self.classes_["kind"][probabilities["kind"].argmax(axis=1)],
            "size": 1.1 * X[:, 1],
            "tags": (probabilities["tags"] > 0.5).astype(int),
        }

    def predict_proba(self, X):
        yes = (X[:, 0] + X[:, 1]) / 2
        return {"kind": np.column_stack([1 - yes, yes]), "tags": X[:, 1:]}


class Alone:
    """One task of the oracle as an estimator of its own."""

    def __init__(self, task, base):
        self.task, self.base = task, base
        self.classes_ = Oracle.classes_.get(task)

    def __sklearn_tags__(self):
        return self.base.__sklearn_tags__()

    def fit(self, X, y):
        return self

    def predict(self, X):
        return Oracle().predict(X)[self.task]

    def predict_proba(self, X):
        return Oracle().predict_proba(X)[self.task]


@pytest.mark.parametrize(
    ("task", "scoring"),
    [
        ("kind", "accuracy"),
        ("kind", "balanced_accuracy"),
        ("kind", "roc_auc"),
        ("kind", "neg_log_loss"),
        ("kind", get_scorer("matthews_corrcoef")),
        ("size", "r2"),
        ("size", "neg_mean_absolute_error"),
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_scorer_of_that_task_alone(task, scoring, weighted):
    y = {"kind": KIND, "size": SIZE}
    weights = {"sample_weight": np.arange(40) % 3} if weighted else {}
    base = DummyRegressor() if task == "size" else DummyClassifier()
    own = get_scorer(scoring) if isinstance(scoring, str) else scoring
    expected = own(Alone(task, base), X, y[task], **weights)
    scorer = pickle.loads(pickle.dumps(make_task_scorer(task, scoring)))
    assert scorer(Oracle(), X, y, **weights) == expected
    assert scorer(Oracle(), X, pd.DataFrame(y), **weights) == expected


def test_two_labels_are_no_two_classes():
    scorer = make_task_scorer("tags", "roc_auc")
    expected = [
        get_scorer("roc_auc")._score_func(TAGS[:, i], X[:, 1 + i]) for i in range(2)
    ]
    assert scorer(Oracle(), X, {"tags": TAGS}) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("absent", [None, np.nan, "?"], ids=str)
def test_missing_answers_are_left_out(absent):
    kind = KIND.astype(object)
    kind[::4] = absent
    known = np.arange(40) % 4 > 0
    scorer = make_task_scorer("kind", "roc_auc")
    expected = scorer(Oracle(), X[known], {"kind": KIND[known]})
    assert scorer(Oracle(), X, {"kind": kind}) == expected
    inside = make_pipeline("passthrough", Oracle())
    assert scorer(inside, X, {"kind": kind}) == expected


class Painter(Oracle):
    """Masks of which pixels without a label are not asked for."""

    tasks = {"mask": {"type": "segmentation", "ignore_label": 255}}
    classes_ = {"mask": np.arange(2)}

    def predict(self, X):
        return {"mask": np.ones((len(X), 4, 4), dtype=int)}


def test_masks_are_scored_without_what_their_task_ignores():
    masks = np.ones((40, 4, 4), dtype=int)
    masks[:, 0] = 255
    assert make_task_scorer("mask", "mean_iou")(Painter(), X, {"mask": masks}) == 1.0


def test_messages():
    scorer = make_task_scorer("kind", "accuracy")
    assert repr(scorer) == "make_task_scorer('kind', 'accuracy')"
    with pytest.raises(ValueError, match=r"'kind' is missing from y.*\['size'\]"):
        scorer(Oracle(), X, {"size": SIZE})
    with pytest.raises(ValueError, match="Task 'kind' is missing from y"):
        scorer(Oracle(), X, KIND)
    with pytest.raises(ValueError, match="Task 'kind': all answers are missing"):
        scorer(Oracle(), X, {"kind": ["?"] * 40})
    with pytest.raises(ValueError, match="'colour' is missing from predict"):
        make_task_scorer("colour", "accuracy")(Oracle(), X, {"colour": KIND})
    with pytest.raises(ValueError, match="got scoring=3 for the task 'kind'"):
        make_task_scorer("kind", 3)
    with pytest.raises(ValueError, match="not a valid scoring"):
        make_task_scorer("kind", "exactness")
