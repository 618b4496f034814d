"""Of a fitted search its best estimator is inspected."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmultigran import MultiGranularityClassifier, MultiGranularitySegmenter
from skmultigran.inspection import (
    SegmentationDisplay,
    TrainingHistoryDisplay,
    granularity_importance,
    granularity_maps,
    granularity_similarity,
    granularity_weights,
    select_granularities,
)


@pytest.fixture(scope="module")
def digits(textured):
    return textured[0], textured[1]


@pytest.fixture(scope="module", params=["grid of models", "random pipelines"])
def search(request, digits, separate):
    model = MultiGranularityClassifier(
        backbone=separate, fusion="weighted", max_epochs=2, random_state=0
    )
    if request.param == "grid of models":
        search = GridSearchCV(model, {"lr": [0.01]}, cv=2)
    else:
        model = make_pipeline(FunctionTransformer(), model)
        name = "multigranularityclassifier__lr"
        search = RandomizedSearchCV(model, {name: [0.01]}, n_iter=1, cv=2)
    return search.fit(*digits)


@pytest.mark.parametrize(
    "of",
    [
        lambda m, X, y: granularity_importance(m, X, y, random_state=0).importances,
        lambda m, X, y: granularity_maps(m, X[:2], n_steps=2).maps,
        lambda m, X, y: granularity_similarity(m, X).similarity,
        lambda m, X, y: granularity_weights(m, X),
        lambda m, X, y: select_granularities(m, X, y, n_granularities=1).cv_scores,
    ],
    ids=["importance", "maps", "similarity", "weights", "selection"],
)
def test_a_search_shows_what_its_best_estimator_shows(search, digits, of):
    assert_array_equal(of(search, *digits), of(search.best_estimator_, *digits))


def test_a_search_within_a_pipeline(search, digits):
    model = make_pipeline(FunctionTransformer(np.flipud), search)
    X, y = digits
    found = granularity_importance(model, X, y, random_state=0).importances
    expected = granularity_importance(search, np.flipud(X), y, random_state=0)
    assert_array_equal(found, expected.importances)


def test_the_history_is_that_of_the_best_estimator(search, pyplot):
    assert len(TrainingHistoryDisplay.from_estimator(search).history) == 2


def test_the_ignored_label_is_that_of_the_best_estimator(pyplot):
    X = np.random.default_rng(0).random((4, 8, 8))
    Y = (X > 0.5).astype(int)
    Y[:, :2] = 9
    model = MultiGranularitySegmenter(ignore_label=9, max_epochs=1, random_state=0)
    search = GridSearchCV(model, {"lr": [0.01]}, cv=2).fit(X, Y)
    assert SegmentationDisplay.from_estimator(search, X[:2], Y[:2]).ignore_label == 9


@pytest.mark.parametrize("refit", [True, False])
def test_a_search_without_a_best_estimator_is_refused(digits, refit):
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, refit=refit)
    if not refit:
        search.fit(np.reshape(digits[0], (64, -1)), digits[1])
    message = "GridSearchCV without best_estimator_. Fit it, with refit=True"
    with pytest.raises(TypeError, match=message):
        granularity_importance(search, *digits)
