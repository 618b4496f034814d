"""The classifier's main behaviour: labels, probabilities, attributes, pickles."""

import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skmultigran import FPNFusion, Level

LABELS = {
    "strings": np.array(["left", "right"]),
    "objects": np.array(["left", "right"], dtype=object),
    "booleans": np.array([False, True]),
    "integers with gaps": np.array([-7, 40]),
    "floats": np.array([1.0, 3.0]),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_any_type_come_back(small, pair, labels):
    images, y = pair
    classifier = small(max_epochs=8).fit(images, labels[y])
    assert classifier.classes_.tolist() == labels.tolist()
    predicted = classifier.predict(images)
    assert predicted.dtype == labels.dtype
    assert np.mean(predicted == labels[y]) == 1.0
    assert classifier.score(images, labels[y]) == 1.0


def test_it_learns_real_digits(small, digits):
    X, y = digits
    classifier = small(max_epochs=15).fit(X[:150], y[:150])
    assert classifier.score(X[150:], y[150:]) > 0.85


def test_probabilities_agree_with_decisions_and_labels(small, digits):
    X, y = digits
    classifier = small().fit(X, y)
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == (200, 10)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(
        classifier.predict_log_proba(X), np.log(probabilities), rtol=1e-4, atol=1e-5
    )
    logits = classifier.decision_function(X).astype(float)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, softmax, rtol=1e-4, atol=1e-7)
    predicted = classifier.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(classifier.predict(X), predicted)


def test_two_classes_have_one_decision_the_log_odds(small, pair):
    images, y = pair
    classifier = small().fit(images, y)
    log_odds = np.diff(classifier.predict_log_proba(images), axis=1).ravel()
    decisions = classifier.decision_function(images)
    assert decisions.shape == (60,)
    np.testing.assert_allclose(decisions, log_odds, rtol=1e-4, atol=1e-5)


def test_fitted_attributes(small, digits):
    X, y = digits
    classifier = small(scales=(1.0, 0.5)).fit(X, y)
    assert classifier.granularities_ == ["s1.00_l0", "s1.00_l1", "s0.50_l0", "s0.50_l1"]
    assert classifier.levels_ == [Level(8, 1), Level(16, 2), Level(8, 2), Level(16, 4)]
    assert classifier.image_shape_ == (8, 8, 1)
    assert classifier.image_size_ == (8, 8)
    assert classifier.n_features_in_ == 64
    assert (classifier.max_epochs_, classifier.batch_size_) == (4, 16)
    assert classifier.n_iter_ == classifier.best_epoch_ == 4
    assert isinstance(classifier.network_, torch.nn.Module)
    assert not classifier.network_.training


def test_history_has_one_entry_per_epoch(small, digits):
    X, y = digits
    history = small().fit(X, y).history_
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3, 4]
    assert all({"train_loss", "lr", "seconds"} <= set(epoch) for epoch in history)
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_auto_values_are_kept(small, digits):
    X, y = digits
    classifier = small(batch_size="auto", lr="auto").fit(X, y)
    assert (classifier.batch_size_, classifier.lr_) == (16, 0.003)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_not_fitted(small, digits, method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(small(), method)(digits[0])
    assert not hasattr(small(), "network_")


def test_predict_writes_nothing(small, digits):
    X, y = digits
    classifier = small().fit(X, y)
    before = dict(vars(classifier))
    weights = {k: v.clone() for k, v in classifier.network_.state_dict().items()}
    for method in (
        "predict",
        "predict_proba",
        "predict_log_proba",
        "decision_function",
    ):
        getattr(classifier, method)(X[:7])
    assert vars(classifier) == before
    for name, value in classifier.network_.state_dict().items():
        assert torch.equal(value, weights[name])


def _pickled(estimator, path):
    return pickle.loads(pickle.dumps(estimator))


def _through_joblib(estimator, path):
    joblib.dump(estimator, path / "estimator.joblib")
    return joblib.load(path / "estimator.joblib")


@pytest.mark.parametrize("carried", [_pickled, _through_joblib])
@pytest.mark.parametrize("fusion", ["concat", "attention", FPNFusion(channels=8)])
def test_round_trip(small, digits, tmp_path, carried, fusion):
    X, y = digits
    classifier = small(fusion=fusion, max_epochs=2).fit(X, y)
    loaded = carried(classifier, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))
    assert loaded.history_ == classifier.history_
    assert loaded.granularities_ == classifier.granularities_


def test_a_pickle_holds_plain_types_and_arrays(small, digits):
    X, y = digits
    state = small(max_epochs=1).fit(X, y).__getstate__()["net_"]

    def leaves(value):
        if isinstance(value, dict):
            return [leaf for part in value.values() for leaf in leaves(part)]
        if isinstance(value, (list, tuple)):
            return [leaf for part in value for leaf in leaves(part)]
        return [value]

    allowed = (np.ndarray, float, int, bool, str, type(None))
    assert all(isinstance(leaf, allowed) for leaf in leaves(state))


def test_set_params_after_fit_does_not_change_a_pickle(small, digits):
    X, y = digits
    classifier = small(max_epochs=1).fit(X, y)
    expected = classifier.predict_proba(X)
    classifier.set_params(
        fusion="fpn", backbone__widths=(4,), training__optimizer="sgd", lr=0.5
    )
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)


def test_clone_is_not_fitted(small, digits):
    X, y = digits
    copy = clone(small(max_epochs=1).fit(X, y))
    assert not hasattr(copy, "net_")
    with pytest.raises(NotFittedError):
        copy.predict(X)


def test_one_image_has_the_same_answer_in_any_company(small, digits):
    X, y = digits
    classifier = small(max_epochs=2).fit(X, y)
    together = classifier.predict_proba(X)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(classifier.predict_proba(X[order]), together[order])
    alone = np.vstack([classifier.predict_proba(X[i : i + 1]) for i in range(5)])
    np.testing.assert_array_equal(alone, together[:5])


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 3), (2, 2)])
def test_images_of_any_size(small, shape):
    generator = np.random.default_rng(0)
    y = np.arange(30) % 2
    images = generator.uniform(0, 0.2, size=(30, *shape)) + 0.7 * y[:, None, None]
    classifier = small(max_epochs=8, scales=(1.0, 0.5)).fit(images, y)
    assert classifier.score(images, y) == 1.0


@pytest.mark.parametrize("fusion", ["concat", "attention", "fpn"])
def test_fusions_differ(small, digits, fusion):
    X, y = digits
    others = {"concat", "attention", "fpn"} - {fusion}
    mine = small(fusion=fusion, max_epochs=1).fit(X, y).predict_proba(X)
    for other in others:
        theirs = small(fusion=other, max_epochs=1).fit(X, y).predict_proba(X)
        assert not np.allclose(mine, theirs)


def test_heads_for_other_answers_are_refused(small, pair):
    with pytest.raises(ValueError, match="head='dense' does not answer for image"):
        small(head="dense").fit(*pair)
