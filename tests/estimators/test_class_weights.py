"""Weights of the classes: those of scikit-learn, learned once, kept ever after."""

import numpy as np
import pytest
from sklearn.utils import compute_sample_weight

from skmultigran.estimators._label_columns import class_weight_table

Y = np.array(["b", "a", "b", "b", "c", "a"])
CLASSES = np.array(["a", "b", "c"])
CODES = np.searchsorted(CLASSES, Y)


def balanced(classifier):
    return classifier.set_params(class_weight="balanced", max_epochs=1)


@pytest.mark.parametrize(
    "class_weight", [None, "balanced", {"a": 2, "b": 1, "c": 7}, {"b": 3}, {"c": 0}]
)
def test_class_weights_are_those_of_sklearn_but_of_mean_one(class_weight):
    found = class_weight_table(Y, np.ones(6), CLASSES, class_weight)[CODES]
    expected = compute_sample_weight(class_weight, Y)
    np.testing.assert_allclose(found, expected / expected.mean())


def test_balanced_counts_samples_by_their_weight(seed):
    weights = np.random.default_rng(seed).uniform(0.1, 3, 6)
    found = weights * class_weight_table(Y, weights, CLASSES, "balanced")[CODES]
    totals = [found[label == Y].sum() for label in CLASSES]
    np.testing.assert_allclose(totals, totals[0])


def test_balanced_integer_weights_equal_repetition():
    counts = np.array([1, 3, 2, 1, 4, 2])
    weighted = class_weight_table(Y, counts.astype(float), CLASSES, "balanced")
    repeated = np.repeat(Y, counts)
    expected = class_weight_table(repeated, np.ones(len(repeated)), CLASSES, "balanced")
    np.testing.assert_allclose(weighted, expected)


def test_a_label_that_is_no_class_is_named():
    with pytest.raises(ValueError, match=r"labels \['b'\].*not among the classes"):
        class_weight_table(Y, np.ones(6), np.array(["a", "c"]), "balanced")


def test_validation_may_lack_a_class_and_is_weighted_as_the_training(small, digits):
    X, y = digits
    few = y < 5
    one = balanced(small()).fit(X, y, X_val=X[few], y_val=y[few])
    table = class_weight_table(y, np.ones(200), np.arange(10), "balanced")
    weights = table[y[few]]
    losses = -one.predict_log_proba(X[few])[np.arange(few.sum()), y[few]]
    expected = np.average(losses, weights=weights)
    assert one.history_[0]["valid_loss"] == pytest.approx(expected, rel=1e-4)


def test_further_training_may_lack_a_class(small, digits):
    X, y = digits
    few = y < 5
    first = balanced(small()).partial_fit(X[few], y[few], classes=np.arange(10))
    assert first.partial_fit(X[~few], y[~few]).n_iter_ == 2
    warm = balanced(small(warm_start=True)).fit(X, y)
    assert warm.fit(X[few], y[few]).n_iter_ == 1


def test_further_training_keeps_the_weights_of_the_first(small, pair):
    images, y = pair
    losses = []
    for weights in ({0: 0.5}, {0: 0.5, 1: 1.0}):
        fitted = small(max_epochs=1, class_weight={0: 0.5}).fit(images, y)
        fitted.set_params(class_weight=weights).partial_fit(images, y)
        losses.append(fitted.history_[-1]["train_loss"])
    assert losses[0] == losses[1]


def test_the_first_batch_is_balanced_by_sample_weights(small, pair):
    images, y = pair
    weights = np.where(y == 0, 4.0, 1.0)
    equal = small().partial_fit(images, y, classes=[0, 1])
    found = small(class_weight="balanced")
    found.partial_fit(images, y, classes=[0, 1], sample_weight=weights)
    np.testing.assert_array_equal(
        found.predict_proba(images), equal.predict_proba(images)
    )


@pytest.mark.parametrize("weights", [{"1": 5.0}, {"0": 5.0, "1": 5.0, "2": 5.0}])
def test_classes_may_be_words_of_digits(small, digits, weights):
    X, y = digits
    words = (y % 3).astype(str)
    found = small(max_epochs=1, class_weight=weights).fit(X, words)
    by_hand = np.array([weights.get(word, 1.0) for word in words])
    expected = small(max_epochs=1).fit(X, words, sample_weight=by_hand)
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("weights", [{1: 5.0}, {"1": 2.0, "3": 5.0}])
def test_unknown_classes_are_named_beside_those_there_are(small, digits, weights):
    X, y = digits
    match = rf"class_weight for \[{list(weights)[-1]!r}\].* classes \['0', '1', '2'\]"
    with pytest.raises(ValueError, match=match):
        small(class_weight=weights).fit(X, (y % 3).astype(str))


def test_weights_of_all_classes_may_name_one_that_a_fold_lacks(small, digits):
    X, y = digits
    weights = {0: 1.0, 1: 2.0, 2: 3.0}
    found = small(max_epochs=1, class_weight={**weights, 99: 4.0}).fit(X, y % 3)
    expected = small(max_epochs=1, class_weight=weights).fit(X, y % 3)
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
