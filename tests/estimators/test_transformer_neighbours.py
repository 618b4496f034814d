"""The transformer before, beside and within scikit-learn's own estimators."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmultigran import MultiGranularityTransformer, ScatteringBackbone


@pytest.fixture(scope="module")
def halves():
    """Return 400 digits to learn from and 400 others, mostly by other writers."""
    X, y = load_digits(return_X_y=True)
    return X[:400], y[:400], X[400:800], y[400:800]


CLASSIFIERS = [
    LogisticRegression(),
    SVC(),
    HistGradientBoostingClassifier(max_iter=15),
    RandomForestClassifier(random_state=0),
]


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: type(c).__name__)
def test_a_classifier_learns_more_from_the_columns_than_from_pixels(halves, classifier):
    X, y, X_test, y_test = halves
    pixels = make_pipeline(StandardScaler(), clone(classifier))
    columns = make_pipeline(MultiGranularityTransformer(), clone(pixels))
    level = pixels.fit(X, y).score(X_test, y_test)
    assert columns.fit(X, y).score(X_test, y_test) > level + 0.02


def test_all_digits_in_five_folds():
    X, y = load_digits(return_X_y=True)
    model = make_pipeline(
        MultiGranularityTransformer(), StandardScaler(), LogisticRegression()
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    assert cross_val_score(model, X, y, cv=folds).mean() >= 0.985


def test_clusters_of_the_columns_are_the_digits(halves):
    X, y, _, _ = halves
    model = make_pipeline(
        MultiGranularityTransformer(), KMeans(10, n_init=5, random_state=0)
    )
    assert adjusted_rand_score(y, model.fit_predict(X)) > 0.6


def test_union_of_two_has_unique_names(halves):
    X, y, X_test, y_test = halves
    first_order = MultiGranularityTransformer(backbone=ScatteringBackbone(max_order=1))
    union = FeatureUnion(
        [("fine", first_order), ("all", MultiGranularityTransformer())]
    )
    model = make_pipeline(union, StandardScaler(), LogisticRegression())
    assert model.fit(X, y).score(X_test, y_test) > 0.92
    names = union.get_feature_names_out()
    assert len(set(names)) == len(names) == union.transform(X[:2]).shape[1]
    assert {name.partition("__")[0] for name in names} == {"fine", "all"}
    assert names[0] == "fine__s1.00_l0_avg4x4_000_r0c0"


def test_beside_the_columns_of_a_table(halves):
    X, y, _, _ = halves
    pixels = [f"pixel{i}" for i in range(64)]
    table = pd.DataFrame(X, columns=pixels).assign(age=np.arange(400.0))
    columns = ColumnTransformer(
        [
            ("image", MultiGranularityTransformer(), pixels),
            ("table", StandardScaler(), ["age"]),
        ]
    ).set_output(transform="pandas")
    frame = columns.fit_transform(table)
    assert frame.shape == (400, 421)
    assert frame.index.equals(table.index)
    assert frame.columns[0] == "image__s1.00_l0_avg4x4_000_r0c0"
    assert frame.columns[-1] == "table__age"
    alone = MultiGranularityTransformer().fit_transform(X)
    np.testing.assert_array_equal(frame.iloc[:, :-1], alone)
    assert (
        make_pipeline(columns, LogisticRegression()).fit(table, y).score(table, y) > 0.9
    )


def test_a_search_reaches_into_head_and_backbone(halves):
    X, y, _, _ = halves
    model = make_pipeline(
        MultiGranularityTransformer(), StandardScaler(), LogisticRegression()
    )
    grid = {
        "multigranularitytransformer__head__grid": [(1,), (4,)],
        "multigranularitytransformer__backbone__max_order": [1, 2],
    }
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    widths = {(1, 1): 17, (1, 2): 81, (4, 1): 164, (4, 2): 420}
    best = search.best_params_.values()
    order, (side,) = sorted(best, key=lambda value: isinstance(value, tuple))
    fitted = search.best_estimator_[0]
    assert fitted.transform(X[:1]).shape[1] == widths[side, order]
    assert search.best_score_ > 0.9
