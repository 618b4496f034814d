"""The classifier with columns of labels: any number of labels, or several answers."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict


@pytest.fixture(scope="module")
def corners():
    """Return 80 images whose corners are bright or not, and which of three are."""
    generator = np.random.default_rng(0)
    lit = generator.integers(0, 2, size=(80, 3))
    images = generator.uniform(0, 0.3, size=(80, 6, 6))
    images[lit[:, 0] == 1, :3, :3] += 0.6
    images[lit[:, 1] == 1, 3:, :3] += 0.6
    images[lit[:, 2] == 1, 3:, 3:] += 0.6
    return images, lit


@pytest.fixture(scope="module")
def answers(corners):
    """Return two answers per image: a word for two corners, a number for the third."""
    _, lit = corners
    words = np.array(["none", "top", "bottom", "both"])[lit[:, 0] + 2 * lit[:, 1]]
    return np.column_stack([words, np.where(lit[:, 2], "7", "-2")])


def test_any_number_of_labels(small, corners):
    images, lit = corners
    classifier = small(max_epochs=15).fit(images[:60], lit[:60])
    probabilities = classifier.predict_proba(images)
    assert probabilities.shape == (80, 3)
    assert probabilities.dtype == np.float32
    assert roc_auc_score(lit[60:], probabilities[60:]) > 0.95
    predicted = classifier.predict(images)
    assert predicted.dtype == lit.dtype
    np.testing.assert_array_equal(predicted, probabilities > 0.5)
    right = (predicted == lit).all(axis=1)
    assert right[60:].mean() > 0.7
    assert classifier.score(images, lit) == right.mean()
    assert classifier.score(images, lit, sample_weight=right) == 1
    logits = classifier.decision_function(images)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)), rtol=1e-4)
    np.testing.assert_allclose(
        classifier.predict_log_proba(images),
        np.log(probabilities),
        rtol=1e-4,
        atol=1e-6,
    )
    assert classifier.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("rows", "columns", "weights", "match"),
    [
        (slice(1), slice(3), None, r"y has the shape \(1, 3\), but .* \(80, 3\)"),
        (slice(80), slice(2), None, r"y has the shape \(80, 2\), but .* \(80, 3\)"),
        (slice(80), slice(3), np.ones(79), r"shape == \(79,\), expected \(80,\)"),
        (
            slice(80),
            slice(3),
            -np.ones(80),
            "Negative values in data passed to `sample",
        ),
    ],
)
def test_score_refuses_what_does_not_fit(small, corners, rows, columns, weights, match):
    images, lit = corners
    classifier = small(max_epochs=1).fit(images, lit)
    with pytest.raises(ValueError, match=match):
        classifier.score(images, lit[rows, columns], sample_weight=weights)


def test_several_answers(small, corners, answers):
    images, _ = corners
    classifier = small(max_epochs=15).fit(images[:60], answers[:60])
    assert [c.tolist() for c in classifier.classes_] == [
        ["both", "bottom", "none", "top"],
        ["-2", "7"],
    ]
    predicted = classifier.predict(images)
    assert predicted.shape == (80, 2)
    right = (predicted == answers).all(axis=1)
    assert right[60:].mean() > 0.7
    assert classifier.score(images, answers) == right.mean()
    for column, probabilities in enumerate(classifier.predict_proba(images)):
        classes = classifier.classes_[column]
        assert probabilities.shape == (80, len(classes))
        np.testing.assert_array_equal(
            classes[probabilities.argmax(axis=1)], predicted[:, column]
        )
    decisions = classifier.decision_function(images)
    assert [d.shape for d in decisions] == [(80, 4), (80,)]


LIKE_THE_INDICATOR = {
    "lists": lambda lit: lit.tolist(),
    "booleans": lambda lit: lit.astype(bool),
    "floats": lambda lit: lit.astype(float),
    "sparse": sparse.csr_array,
    "frame": pd.DataFrame,
}


@pytest.mark.parametrize("form", LIKE_THE_INDICATOR.values(), ids=LIKE_THE_INDICATOR)
def test_forms_of_an_indicator(small, corners, form):
    images, lit = corners
    expected = small(max_epochs=1).fit(images, lit).predict(images)
    got = small(max_epochs=1).fit(images, form(lit)).predict(images)
    np.testing.assert_array_equal(got, expected)


def test_a_table_of_mixed_columns(small, corners):
    images, lit = corners
    frame = pd.DataFrame(
        {"number": lit[:, 0] + 3, "word": np.where(lit[:, 1], "a", "b")}
    )
    classifier = small(max_epochs=10).fit(images, frame)
    assert [c.tolist() for c in classifier.classes_] == [[3, 4], ["a", "b"]]
    predicted = classifier.predict(images)
    assert predicted.dtype == object
    assert (predicted == frame.to_numpy()).mean() > 0.9


def test_minus_one_and_one_are_two_classes_and_no_indicator(small, corners):
    images, lit = corners
    classifier = small(max_epochs=1).fit(images, 2 * lit - 1)
    assert [c.tolist() for c in classifier.classes_] == [[-1, 1]] * 3
    assert set(np.unique(classifier.predict(images))) <= {-1, 1}


def test_a_label_that_no_image_has(small, corners):
    images, lit = corners
    lit = np.column_stack([lit, np.zeros(80, dtype=int)])
    classifier = small(max_epochs=15, class_weight="balanced").fit(images, lit)
    assert classifier.predict_proba(images)[:, 3].max() < 0.5


def test_class_weights_of_each_label(small):
    noise = np.zeros((80, 2, 2))
    rare = np.zeros((80, 2), dtype=int)
    rare[:8] = 1

    def shares(class_weight):
        classifier = small(max_epochs=60, batch_size=80, class_weight=class_weight)
        return classifier.fit(noise, rare).predict_proba(noise[:1])[0]

    # From images that are all alike only the weighted share of a label can be told.
    np.testing.assert_allclose(shares(None), 0.1, atol=0.06)
    np.testing.assert_allclose(shares("balanced"), 0.5, atol=0.1)
    np.testing.assert_allclose(shares([None, {1: 9.0}]), [0.1, 0.5], atol=0.1)


def test_class_weights_of_several_answers(small, corners, answers):
    images, _ = corners
    weighted = small(class_weight=[{"none": 3.0}, None]).fit(images, answers)
    constant = small(class_weight=[dict.fromkeys(np.unique(answers[:, 0]), 5.0), None])
    plain = small().fit(images, answers).predict_proba(images)
    np.testing.assert_allclose(
        constant.fit(images, answers).predict_proba(images)[0], plain[0], rtol=1e-4
    )
    assert not np.allclose(weighted.predict_proba(images)[0], plain[0], rtol=1e-2)


def test_weight_zero_equals_absence_bit_for_bit(small, corners):
    images, lit = corners
    weights = np.random.default_rng(0).uniform(0.5, 2, size=80)
    weights[::3] = 0
    present = weights > 0
    model = small(class_weight="balanced", early_stopping=True)
    expected = model.fit(images[present], lit[present], weights[present])
    expected = expected.predict_proba(images)
    wrong = np.where(present[:, None], lit, 1)
    np.testing.assert_array_equal(
        model.fit(images, wrong, weights).predict_proba(images), expected
    )


def test_early_stopping_watches_all_columns(small, corners, answers):
    images, _ = corners
    classifier = small(max_epochs=30, n_iter_no_change=2, lr=0.05)
    classifier.fit(images[:60], answers[:60], X_val=images[60:], y_val=answers[60:])
    best = classifier.history_[classifier.best_epoch_ - 1]
    assert best["valid_loss"] == min(e["valid_loss"] for e in classifier.history_)
    assert classifier.score(images[60:], answers[60:]) == pytest.approx(
        best["valid_score"]
    )


@pytest.mark.parametrize("kind", ["indicator", "answers"])
def test_carried_searched_and_predicted_across_folds(small, corners, answers, kind):
    images, lit = corners
    y = lit if kind == "indicator" else answers
    classifier = small(max_epochs=2).fit(images, y)
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict(images), classifier.predict(images))
    search = GridSearchCV(small(max_epochs=1), {"fusion": ["concat", "sum"]}, cv=2)
    assert search.fit(images, y).predict(images).shape == y.shape
    crossed = cross_val_predict(small(max_epochs=8), images, y, cv=2)
    assert (crossed == y).mean() > 0.7


def test_partial_fit(small, corners, answers):
    images, lit = corners
    by_columns = small().partial_fit(images[:9] * 0, np.zeros((9, 3), dtype=int))
    by_columns.partial_fit(images, lit, classes=by_columns.classes_)
    assert by_columns.predict(images).shape == (80, 3)
    classes = [["none", "top", "bottom", "both"], ["-2", "7", "99"]]
    several = small().partial_fit(images[:9], answers[:9], classes=classes)
    several.partial_fit(images, answers)
    assert [p.shape[1] for p in several.predict_proba(images)] == [4, 3]
    with pytest.raises(ValueError, match="differs from the last call"):
        several.partial_fit(images, answers, classes=classes[::-1])


FIRST_CALLS = {
    "none": (None, "must be passed on the first call"),
    "one for all": (["none", "top"], "must be a list of 2 arrays"),
    "too few": ([["none"]], "must be a list of 2 arrays"),
    "not all": ([["none", "top"], ["-2", "7"]], "Column 0 of y"),
}


@pytest.mark.parametrize(("classes", "match"), FIRST_CALLS.values(), ids=FIRST_CALLS)
def test_first_calls_of_partial_fit_that_fail(small, corners, answers, classes, match):
    classifier = small()
    with pytest.raises(ValueError, match=match):
        classifier.partial_fit(corners[0], answers, classes=classes)
    assert not hasattr(classifier, "_task_")


def table(*column):
    return pd.DataFrame({"one": np.resize(np.array(column, object), 80), "two": "x"})


BAD = {
    "numbers and words": (
        table(1, "a"),
        {},
        r"types \['int', 'str'\], which cannot be sorted together. Make all",
    ),
    "NaN among words": (table("a", np.nan), {}, r"types \['float', 'str'\], which"),
    "NaN among objects": (table(1.0, np.nan), {}, "Input y contains NaN"),
    "NaN": (np.full((80, 2), np.nan), {}, "Input y contains NaN"),
    "continuous": (np.linspace(0, 1, 160).reshape(80, 2), {}, "Unknown label type"),
    "one class everywhere": (np.full((80, 2), 5), {}, "every column of y has only 1"),
    "weights of other columns": (
        np.eye(80, 3, dtype=int),
        {"class_weight": ["balanced"]},
        "class_weight for 1 columns, but y has 3",
    ),
    "weights of other classes": (
        np.eye(80, 3, dtype=int),
        {"class_weight": {2: 1.0}},
        r"class_weight for \[2\]",
    ),
    "weights of zero": (
        np.eye(80, 3, dtype=int),
        {"class_weight": {0: 0.0, 1: 0.0}},
        "makes the weights of all images zero",
    ),
    "a list of weights for one column": (
        np.arange(80) % 2,
        {"class_weight": ["balanced"]},
        "for several columns of labels",
    ),
}


@pytest.mark.parametrize(("y", "parameters", "match"), BAD.values(), ids=BAD)
def test_bad_columns(small, corners, y, parameters, match):
    with pytest.raises(ValueError, match=match):
        small(**parameters).fit(corners[0], y)


def test_other_columns_than_in_fit(small, corners, answers):
    images, lit = corners
    classifier = small(max_epochs=1, warm_start=True).fit(images, lit)
    with pytest.raises(ValueError, match=r"\(80, 2\).*fitted on 3 labels"):
        classifier.fit(images, lit[:, :2])
    classifier = small(max_epochs=1, warm_start=True).fit(images, answers)
    with pytest.raises(ValueError, match=r"\(80,\).*2 columns"):
        classifier.fit(images, answers[:, 0])


def test_probabilities_of_folds_are_of_numbered_labels(small, corners):
    images, lit = corners
    words = np.where(lit, "yes", "no")
    folds = {"cv": 3, "method": "predict_proba"}
    found = cross_val_predict(small(max_epochs=1), images, words, **folds)
    expected = cross_val_predict(small(max_epochs=1), images, lit, **folds)
    np.testing.assert_array_equal(found, expected)
    whole = small(max_epochs=1).fit(images, words).predict_proba(images)
    assert [part.shape for part in whole] == [(80, 2)] * 3
