"""Sample weights and class weights, by one rule."""

import numpy as np
import pytest

LEFT_HEAVY = {0: 3.0, 1: 1.0}


@pytest.fixture
def noisy(pair):
    """Return the pair's images with a quarter of the labels turned around."""
    images, y = pair
    turned = np.where(np.arange(60) % 4 == 0, 1 - y, y)
    return images, turned


def _probabilities(classifier, images, y, weights=None):
    return classifier.fit(images, y, sample_weight=weights).predict_proba(images)


@pytest.mark.parametrize("shape", [(60, 6, 6), (60, 36)], ids=["images", "rows"])
def test_pixels_of_weight_zero_may_be_missing(small, noisy, shape):
    images, y = noisy
    images = images.reshape(shape).copy()
    images[::3] = np.nan
    weights = (np.arange(60) % 3 > 0).astype(float)
    weighted = small(max_epochs=1).fit(images, y, sample_weight=weights)
    present = images[weights > 0]
    absent = small(max_epochs=1).fit(present, y[weights > 0])
    np.testing.assert_array_equal(
        weighted.predict_proba(present), absent.predict_proba(present)
    )
    images[4] = np.inf
    with pytest.raises(ValueError, match="infinity in row 4"):
        weighted.fit(images, y, sample_weight=weights)


def test_weights_of_one_equal_none_bit_for_bit(small, noisy):
    images, y = noisy
    expected = _probabilities(small(), images, y)
    np.testing.assert_array_equal(
        _probabilities(small(), images, y, np.ones(60)), expected
    )


@pytest.mark.parametrize("factor", [0.25, 3.0, 1e-6, 7e5])
def test_a_constant_factor_changes_nothing(small, noisy, factor):
    images, y = noisy
    weights = np.random.default_rng(0).uniform(0.5, 2, size=60)
    expected = _probabilities(small(), images, y, weights)
    np.testing.assert_array_equal(
        _probabilities(small(), images, y, factor * weights), expected
    )


@pytest.mark.parametrize("early_stopping", ["auto", True])
def test_weight_zero_equals_absence_bit_for_bit(small, noisy, early_stopping):
    images, y = noisy
    weights = np.random.default_rng(0).uniform(0.5, 2, size=60)
    weights[::3] = 0
    present = weights > 0
    # What is absent may be anything, also a class of its own.
    images, y = images.copy(), y.copy()
    images[~present] = 7.0
    y[~present] = 9
    classifier = small(early_stopping=early_stopping)
    weighted = classifier.fit(images, y, sample_weight=weights)
    expected = weighted.predict_proba(images[present])
    assert weighted.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(
        classifier.fit(
            images[present], y[present], sample_weight=weights[present]
        ).predict_proba(images[present]),
        expected,
    )


def test_weights_reach_the_loss(small, noisy):
    """All weight on the turned labels makes the turned rule win."""
    images, y = noisy
    original = np.arange(60) % 2
    weights = np.where(y != original, 100.0, 1.0)
    classifier = small(max_epochs=30)
    assert np.mean(classifier.fit(images, y).predict(images) == original) > 0.6
    turned = classifier.fit(images, y, sample_weight=weights)
    assert np.mean(turned.predict(images[::4]) == y[::4]) == 1.0


def test_integer_weights_against_repetition(small):
    """Weighted and repeated training agree on average over seeds.

    Mini-batches differ, so the comparison is statistical: the mean difference of the
    margins over seeds stays within three and a half standard errors, while ignoring the
    weights would be seen at once. A third of the labels are wrong and count a quarter.
    """
    generator = np.random.default_rng(0)
    truth = np.arange(60) % 2
    wrong = np.arange(60) % 3 == 0
    y = np.where(wrong, 1 - truth, truth)
    images = generator.normal(size=(60, 4, 4)) + 0.8 * truth[:, None, None]
    weights = np.where(wrong, 1, 4)
    repeated = np.repeat(np.arange(60), weights)

    def margin(seed, rows, sample_weight=None):
        # Equal numbers of steps of equal size: 60 in all.
        classifier = small(
            random_state=seed,
            lr=0.005,
            batch_size=20,
            max_epochs=1200 // len(rows),
        )
        classifier.fit(images[rows], y[rows], sample_weight=sample_weight)
        return np.mean((2 * truth - 1) * classifier.decision_function(images))

    seeds = range(12)
    weighted = np.array([margin(s, np.arange(60), weights) for s in seeds])
    equal = np.array([margin(s, repeated) for s in seeds])
    ignored = np.array([margin(s, np.arange(60)) for s in seeds])
    error = np.sqrt((weighted.var(ddof=1) + equal.var(ddof=1)) / len(seeds))
    assert abs(weighted.mean() - equal.mean()) < 3.5 * error
    assert abs(ignored.mean() - equal.mean()) > 3.5 * error


def test_class_weight_equals_sample_weight_bit_for_bit(small, noisy):
    images, y = noisy
    expected = _probabilities(small(), images, y, np.where(y == 0, 3.0, 1.0))
    got = _probabilities(small(class_weight=LEFT_HEAVY), images, y)
    np.testing.assert_array_equal(got, expected)


def test_class_and_sample_weights_multiply(small, noisy):
    images, y = noisy
    weights = np.random.default_rng(0).uniform(0.5, 2, size=60)
    product = weights * np.where(y == 0, 3.0, 1.0)
    expected = _probabilities(small(), images, y, product)
    got = _probabilities(small(class_weight=LEFT_HEAVY), images, y, weights)
    np.testing.assert_array_equal(got, expected)


def test_balanced_counts_by_weight(small, noisy):
    images, y = noisy
    weights = np.where(y == 0, 4.0, 1.0)
    totals = np.bincount(y, weights=weights)
    by_hand = weights.sum() / (2 * totals)
    expected = _probabilities(small(), images, y, weights * by_hand[y])
    got = _probabilities(small(class_weight="balanced"), images, y, weights)
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_score_takes_weights(small, noisy):
    images, y = noisy
    classifier = small().fit(images, y)
    right = classifier.predict(images) == y
    assert 0 < right.mean() < 1
    assert classifier.score(images, y, sample_weight=right.astype(float)) == 1.0


def test_validation_weights_reach_the_validation_loss(small, noisy):
    images, y = noisy
    weights = (np.arange(60) < 30).astype(float)
    whole = {"X_val": images, "y_val": y, "sample_weight_val": weights}
    half = {"X_val": images[:30], "y_val": y[:30]}
    first = small().fit(images, y, **whole).history_
    second = small().fit(images, y, **half).history_
    assert [e["valid_loss"] for e in first] == [e["valid_loss"] for e in second]
