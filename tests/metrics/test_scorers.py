"""Scorers of masks and boxes in scikit-learn's own searches."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from skmultigran.metrics import get_scorer, get_scorer_names, mean_iou_score

X = np.arange(12)


class Echo(BaseEstimator):
    """An estimator that knows the answers, and is off by what `shift` says."""

    def __init__(self, *, shift=0):
        self.shift = shift

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return self.answers(X, self.shift)


class Masks(Echo):
    @staticmethod
    def answers(X, shift=0):
        masks = np.empty(len(X), dtype=object)
        for row, x in enumerate(X):
            masks[row] = np.zeros((6, 6 + x % 3), dtype=int)
            masks[row][1:4, 1 + shift : 4 + shift] = 1
        return masks


class StackedMasks(Masks):
    @staticmethod
    def answers(X, shift=0):
        return np.stack(list(Masks.answers(X * 3, shift)))


class Boxes(Echo):
    @staticmethod
    def answers(X, shift=0):
        return [
            {
                "boxes": [[x + shift, 0, x + 10 + shift, 10]],
                "labels": ["even" if x % 2 else "odd"],
                "scores": [0.5],
            }
            for x in X
        ]


CASES = [
    ("mean_iou", Masks, lambda answers: answers),
    ("mean_iou", Masks, list),
    ("mean_iou", StackedMasks, lambda answers: answers),
    ("mean_average_precision", Boxes, list),
    ("mean_average_precision_50", Boxes, lambda a: np.array(a, dtype=object)),
]


@pytest.mark.parametrize(("name", "estimator", "form"), CASES)
def test_a_search_finds_the_right_answers(name, estimator, form):
    search = GridSearchCV(
        estimator(), {"shift": [4, 0, 1]}, scoring=get_scorer(name), cv=3
    )
    search.fit(X, form(estimator.answers(X)))
    assert search.best_params_ == {"shift": 0}
    assert search.best_score_ == 1.0
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] <= scores[2] <= 1.0
    assert scores[0] < 1.0
    assert search.score(X, form(estimator.answers(X))) == 1.0


def test_several_scorers_at_once():
    names = ["mean_average_precision", "mean_average_precision_50"]
    scoring = {name: get_scorer(name) for name in names}
    results = cross_validate(Boxes(shift=2), X, Boxes.answers(X), cv=2, scoring=scoring)
    # IoU 8/12: enough for 0.5, 0.55, 0.6 and 0.65.
    assert results["test_mean_average_precision"] == pytest.approx([0.4, 0.4])
    assert results["test_mean_average_precision_50"].tolist() == [1.0, 1.0]


def test_make_scorer_takes_parameters():
    y = [np.where(mask, mask, 255) for mask in Masks.answers(X)]
    scorer = make_scorer(mean_iou_score, ignore_label=255)
    assert scorer(Masks().fit(X, y), X, y) == 1.0
    assert make_scorer(mean_iou_score)(Masks().fit(X, y), X, y) < 1.0


def test_weights_of_images_reach_the_score():
    scorer = get_scorer("mean_iou")
    y = [*Masks.answers(X[:6]), *Masks.answers(X[6:], 1)]
    weights = np.repeat([1.0, 0.0], 6)
    assert scorer(Masks(), X, y, sample_weight=weights) == 1.0
    assert scorer(Masks(), X, y) < 1.0


class Ignoring(Masks):
    """Masks of which one label is to be ignored."""

    ignore_label = 255


def test_what_the_estimator_ignores_is_ignored():
    y = [np.where(mask, mask, 255) for mask in Masks.answers(X)]
    scorer = get_scorer("mean_iou")
    assert scorer(Masks().fit(X, y), X, y) < 1.0
    inside = make_pipeline("passthrough", Ignoring())
    search = GridSearchCV(inside, {}, scoring=scorer, cv=2).fit(X, y)
    assert search.best_score_ == 1.0
    for estimator in (Ignoring().fit(X, y), inside.fit(X, y), search):
        assert scorer(estimator, X, y) == 1.0
    both = {"iou": scorer, "again": scorer}
    results = cross_validate(Ignoring(), X, y, cv=2, scoring=both)
    assert results["test_iou"].tolist() == results["test_again"].tolist() == [1.0] * 2


def test_weights_are_routed_to_the_scorer():
    y = [Masks.answers(X[x : x + 1], x % 2)[0] for x in X]
    params = {"sample_weight": 1 - X % 2}
    with config_context(enable_metadata_routing=True):
        scorer = get_scorer("mean_iou").set_score_request(sample_weight=True)
        scores = cross_validate(Masks(), X, y, cv=2, scoring=scorer, params=params)
    assert scores["test_score"].tolist() == [1.0, 1.0]
    assert repr(scorer) == "get_scorer('mean_iou')"


@pytest.mark.parametrize("name", get_scorer_names())
def test_scorers_survive_pickling(name):
    estimator = Masks() if name == "mean_iou" else Boxes()
    scorer = pickle.loads(pickle.dumps(get_scorer(name)))
    assert scorer(estimator, X, estimator.answers(X)) == 1.0


def test_unknown_names():
    with pytest.raises(ValueError, match="scoring='mean_oiu'; did you mean 'mean_iou'"):
        get_scorer("mean_oiu")
