"""Answers after each granularity, and predictions that end when they are sure."""

import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from skmultigran import ConvNetBackbone, MultiGranularityClassifier, ScatteringBackbone
from skmultigran.training import _early_exit, _prediction, folded

STAGES = ["s0.50_l0", "s0.50_l1", "s1.00_l0", "s1.00_l1", "fused"]


def deep(**parameters):
    defaults = {
        "backbone": ConvNetBackbone(widths=(8, 16)),
        "scales": (1.0, 0.5),
        "max_epochs": 3,
        "batch_size": 16,
        "lr": 0.02,
        "augment": None,
        "random_state": 0,
        "deep_supervision": True,
    }
    return MultiGranularityClassifier(**(defaults | parameters))


@pytest.fixture(scope="module", params=["concat", "fpn"])
def model(request, digits):
    """A classifier whose fusion comes after the pooling, and one where before."""
    return deep(fusion=request.param).fit(*digits)


@pytest.fixture
def threshold(model, more_digits):
    """A threshold at which images end at several stages; it is reset afterwards."""
    confidences = [p.max(axis=1) for p in model.staged_predict_proba(more_digits[0])]
    model.exit_threshold_ = float(np.median(confidences[1]))
    yield model.exit_threshold_
    del model.exit_threshold_


@pytest.fixture(scope="module")
def more_digits():
    """300 other digits."""
    X, y = load_digits(return_X_y=True)
    return X[200:500], y[200:500]


def by_hand(model, X, threshold):
    """Return stages and probabilities of early exit, from all answers of all stages."""
    staged = np.stack(list(model.staged_predict_proba(X)))
    sure = staged.max(axis=2) >= threshold
    sure[-1] = True
    ends = sure.argmax(axis=0)
    return np.array(model.stages_)[ends], staged[ends, np.arange(len(X))]


def test_stages_are_the_coarse_scale_first_then_depth_then_all(model):
    assert model.stages_ == STAGES
    assert sorted(model.stages_[:-1]) == sorted(model.granularities_)


def test_the_last_stage_is_the_full_prediction(model, more_digits):
    X, _ = more_digits
    *_, last = model.staged_predict_proba(X)
    assert_allclose(last, model.predict_proba(X), rtol=1e-5, atol=1e-7)
    *_, last = model.staged_predict(X)
    assert_array_equal(last, model.predict(X))


def test_every_stage_has_learned_and_later_ones_more(model, more_digits):
    X, y = more_digits
    accuracies = [np.mean(labels == y) for labels in model.staged_predict(X)]
    assert len(accuracies) == len(STAGES)
    assert min(accuracies) > 0.3
    assert accuracies[-1] > accuracies[0]
    for probabilities in model.staged_predict_proba(X):
        assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("together", [1, 16])
def test_each_image_ends_at_its_first_sure_stage(
    model, more_digits, threshold, together, monkeypatch
):
    monkeypatch.setattr(_prediction, "_LARGEST_BATCH", 16)
    monkeypatch.setattr(_early_exit, "_BATCHES_TOGETHER", together)
    X, _ = more_digits
    expected, probabilities = by_hand(model, X, threshold)
    ends = model.exit_granularities(X)
    assert len(set(ends)) >= 4
    assert_array_equal(ends, expected)
    assert_allclose(model.predict_proba(X), probabilities, rtol=1e-4, atol=1e-6)
    assert_array_equal(model.predict(X), probabilities.argmax(axis=1))


def test_an_image_ends_at_the_same_stage_in_any_company(model, more_digits, threshold):
    X, _ = more_digits
    ends, probabilities = model.exit_granularities(X), model.predict_proba(X)
    for rows in (slice(1), slice(7, 12), slice(250, None), slice(None, None, -1)):
        assert_array_equal(model.exit_granularities(X[rows]), ends[rows])
        found = model.predict_proba(X[rows])
        assert_allclose(found, probabilities[rows], rtol=1e-4, atol=1e-6)


def test_what_is_sure_is_not_computed_further(
    model, more_digits, threshold, monkeypatch
):
    monkeypatch.setattr(_prediction, "_FEWEST_PIXELS", 1)
    X, _ = more_digits
    ends = Counter(model.exit_granularities(X))
    seen = Counter()

    def count(name):
        return lambda module, inputs: seen.update({name: len(inputs[0])})

    network = folded(model.network_)
    modules = {
        f"s{scale}_l{level}": backbone.stages[level]
        for scale, backbone in zip(
            ("1.00", "0.50"), network.pyramid.backbones, strict=True
        )
        for level in (0, 1)
    }
    modules |= {"fused": network.head, "fusion": network.fusion}
    hooks = [m.register_forward_pre_hook(count(n)) for n, m in modules.items()]
    model.predict(X)
    for hook in hooks:
        hook.remove()
    left = len(X)
    for stage in STAGES[:-1]:
        # The rows of the others, the last batch padded to a power of two.
        whole, rest = divmod(left, 128)
        padded = 1 << (rest - 1).bit_length() if rest else 0
        assert seen[stage] == whole * 128 + padded
        left -= ends[stage]
    assert 0 < left < len(X) / 2


def test_if_all_are_sure_at_once_only_the_first_stage_runs(model, more_digits):
    model.exit_threshold_ = 0.0
    try:
        assert set(model.exit_granularities(more_digits[0])) == {STAGES[0]}
        first = next(model.staged_predict_proba(more_digits[0]))
        found = model.predict_proba(more_digits[0])
    finally:
        del model.exit_threshold_
    assert_allclose(found, first, rtol=1e-5, atol=1e-7)


def test_without_a_threshold_all_images_go_to_the_end(model, more_digits):
    assert set(model.exit_granularities(more_digits[0])) == {"fused"}


def test_the_parameter_is_used_where_nothing_was_tuned(digits, more_digits):
    model = deep(exit_threshold=0.6).fit(*digits)
    X, y = more_digits
    expected, _ = by_hand(model, X, 0.6)
    assert_array_equal(model.exit_granularities(X), expected)
    assert model.tune_exit_threshold(X, y, tolerance=1.0) is model
    assert_array_equal(model.exit_granularities(X), by_hand(model, X, 0.0)[0])
    model.fit(*digits)
    assert not hasattr(model, "exit_threshold_")
    model.tune_exit_threshold(X, y).partial_fit(*digits)
    assert not hasattr(model, "exit_threshold_")


def test_a_threshold_set_by_hand_replaces_the_tuned_one(digits, more_digits):
    X, y = more_digits
    model = deep().fit(*digits)
    model.tune_exit_threshold(X, y, tolerance=1.0)
    early = by_hand(model, X, 0.0)[0]
    assert_array_equal(model.set_params(batch_size=7).exit_granularities(X), early)
    model.set_params(exit_threshold=0.6)
    assert_array_equal(model.exit_granularities(X), by_hand(model, X, 0.6)[0])
    model.tune_exit_threshold(X, y, tolerance=1.0).exit_threshold = 0.6
    assert_array_equal(model.exit_granularities(X), by_hand(model, X, 0.6)[0])
    model = clone(model.tune_exit_threshold(X, y, tolerance=1.0)).fit(*digits)
    assert_array_equal(model.exit_granularities(X), by_hand(model, X, 0.6)[0])
    model.set_params(exit_threshold=None).tune_exit_threshold(X, y, tolerance=1.0)
    model.set_params(exit_threshold=None)
    assert set(model.exit_granularities(X)) == {"fused"}
    assert not hasattr(model, "exit_threshold_")


def test_tuned_threshold_keeps_the_accuracy(model, more_digits):
    X, y = more_digits
    full, chosen = model.score(X, y), []
    for tolerance in (0.0, 0.01, 0.05, 1.0):
        model.tune_exit_threshold(X, y, tolerance=tolerance)
        assert model.score(X, y) >= full - tolerance - 1e-9
        chosen.append(model.exit_threshold_)
        del model.exit_threshold_
    assert chosen == sorted(chosen, reverse=True)
    assert chosen[-1] < 0.5 < chosen[0]


def test_early_answers_of_several_columns_and_of_labels(digits, more_digits):
    X, y = digits
    columns = np.stack([y % 3, y % 2], axis=1)
    model = deep(exit_threshold=0.7).fit(X, columns)
    staged = list(model.staged_predict_proba(more_digits[0]))
    first = np.minimum(*(column.max(axis=1) for column in staged[0]))
    ends = model.exit_granularities(more_digits[0])
    assert_array_equal(ends == STAGES[0], first >= 0.7)

    labels = np.stack([y > 4, y % 2], axis=1).astype(int)
    model = deep(exit_threshold=0.7).fit(X, labels)
    staged = list(model.staged_predict_proba(more_digits[0]))
    first = np.maximum(staged[0], 1 - staged[0]).min(axis=1)
    ends = model.exit_granularities(more_digits[0])
    assert_array_equal(ends == STAGES[0], first >= 0.7)
    model.tune_exit_threshold(X, labels, tolerance=0.1)


def test_a_backbone_that_computes_all_levels_at_once_answers_early_too(
    digits, more_digits
):
    model = deep(backbone=ScatteringBackbone(), exit_threshold=0.5).fit(*digits)
    expected, _ = by_hand(model, more_digits[0], 0.5)
    assert_array_equal(model.exit_granularities(more_digits[0]), expected)


@pytest.mark.parametrize("memory", [False, True])
def test_frozen_backbones_answer_early_with_and_without_memory(
    digits, more_digits, memory, tmp_path
):
    model = deep(
        backbone=ScatteringBackbone(),
        trainable="head",
        memory=str(tmp_path) if memory else None,
        exit_threshold=0.5,
    ).fit(*digits)
    ends, probabilities = by_hand(model, more_digits[0], 0.5)
    assert len(set(ends)) > 1
    assert_array_equal(model.exit_granularities(more_digits[0]), ends)
    found = model.predict_proba(more_digits[0])
    assert_allclose(found, probabilities, rtol=1e-4, atol=1e-6)


def test_pickles_clones_and_early_stopping(digits, more_digits):
    X, y = digits
    model = deep(early_stopping=True, exit_threshold=0.9).fit(X, y)
    assert len(list(model.staged_predict(X[:3]))) == len(STAGES)
    model.tune_exit_threshold(*more_digits, tolerance=0.05)
    copy = pickle.loads(pickle.dumps(model))
    assert copy.exit_threshold_ == model.exit_threshold_
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert not hasattr(clone(model), "exit_threshold_")


def test_searches_over_thresholds_and_supervision(digits):
    grid = {"deep_supervision": [True], "exit_threshold": [None, 0.5]}
    search = GridSearchCV(deep(max_epochs=1), grid, cv=2).fit(*digits)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_the_validation_loss_is_that_of_the_fused_answer(digits):
    X, y = digits
    model = deep(max_epochs=2).fit(X, y, X_val=X, y_val=y)
    best = model.history_[model.best_epoch_ - 1]["valid_loss"]
    probabilities = model.predict_proba(X)[np.arange(len(y)), y]
    assert_allclose(-np.log(probabilities).mean(), best, rtol=1e-3)


def test_early_heads_have_norm_statistics_of_the_images(model):
    for head in model.network_.exits.heads:
        assert not torch.equal(
            head.norm.running_mean, torch.zeros_like(head.norm.running_mean)
        )


# -------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    "ask",
    [
        lambda m, X, y: m.staged_predict(X),
        lambda m, X, y: m.staged_predict_proba(X),
        lambda m, X, y: m.exit_granularities(X),
        lambda m, X, y: m.tune_exit_threshold(X, y),
        lambda m, X, y: m.set_params(exit_threshold=0.5).predict(X),
    ],
)
def test_says_that_it_was_fitted_without_early_answers(ask, digits):
    model = deep(deep_supervision=False, max_epochs=1).fit(*digits)
    with pytest.raises(ValueError, match="Set deep_supervision=True and fit it anew"):
        ask(model, *digits)
    with pytest.raises(NotFittedError):
        ask(deep(), *digits)


def test_without_early_answers_there_are_no_stages(digits):
    model = deep(deep_supervision=False, max_epochs=1).fit(*digits)
    assert not hasattr(model, "stages_")
    with pytest.raises(NotFittedError):
        _ = deep().stages_


def test_a_threshold_without_early_answers_is_refused_in_fit(digits):
    model = deep(deep_supervision=False, exit_threshold=0.9)
    with pytest.raises(ValueError, match="without deep supervision there is no early"):
        model.fit(*digits)
    assert not hasattr(model, "net_")
    with pytest.raises(ValueError, match="without deep supervision there is no early"):
        model.partial_fit(*digits, classes=np.arange(10))


@pytest.mark.parametrize("tolerance", [-0.1, "little", np.nan])
def test_bad_tolerance(tolerance, model, more_digits):
    with pytest.raises(ValueError, match="tolerance=.* must be a share"):
        model.tune_exit_threshold(*more_digits, tolerance=tolerance)
    assert not hasattr(model, "exit_threshold_")


def test_validation_images_and_labels_must_fit_together(model, more_digits):
    X, y = more_digits
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.tune_exit_threshold(X, y[:-1])
    with pytest.raises(ValueError, match="not among the classes"):
        model.tune_exit_threshold(X, np.full(len(X), 77))


@pytest.mark.parametrize("value", [-0.1, 1.5, "high"])
def test_bad_threshold(value, digits):
    with pytest.raises(ValueError, match="exit_threshold"):
        deep(exit_threshold=value).fit(*digits)
