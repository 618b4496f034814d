"""Progressive multi-granularity training: a step per stage, from small patches on."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.metrics import accuracy_score

from skmultigran import (
    MultiGranularityMultiTask,
    MultiGranularityRegressor,
    MultiGranularitySegmenter,
    ProgressiveTraining,
)
from skmultigran.training import TrainingNet

PMG = {"training": "pmg", "max_epochs": 2}


def test_all_stages_learn(small, digits):
    X, y = digits
    clf = small(**{**PMG, "max_epochs": 8}).fit(X, y)
    assert clf.score(X, y) > 0.9
    *early, fused = [accuracy_score(y, found) for found in clf.staged_predict(X)]
    assert fused == clf.score(X, y)
    assert min(early) > 0.2  # of ten classes


@pytest.fixture
def steps_taken(monkeypatch):
    """Return a list to which each step of training adds its stage and images."""
    taken = []
    infer = TrainingNet.infer

    def watched(self, x, **fit_params):
        taken.append((fit_params["stage"], x))
        return infer(self, x, **fit_params)

    monkeypatch.setattr(TrainingNet, "infer", watched)
    return taken


def test_every_batch_takes_a_step_per_stage_on_ever_larger_patches(
    small, digits, steps_taken
):
    X, y = digits
    clf = small(**PMG, batch_size=100, scales=(1.0, 0.5)).fit(X, y)
    stages = [stage for stage, _ in steps_taken]
    assert stages == [0, 1, 2, 3, 4] * 4  # 2 epochs of 2 batches
    assert [step.patches for step in clf.net_.stage_steps] == [8, 8, 4, 2, 1]
    whole = steps_taken[4][1]
    for stage, shown in steps_taken[:4]:
        assert_array_equal(
            shown.flatten(1).sort().values, whole.flatten(1).sort().values
        )
        # The stride of the stages: 2, 4, 1 and 2; a patch has two strides.
        shuffled = not torch.equal(shown, whole)
        assert shuffled == (stage != 1)
    assert np.isfinite([epoch["train_loss"] for epoch in clf.history_]).all()


@pytest.mark.parametrize("fusion", ["concat", "fpn", "gated"])
def test_a_stage_computes_its_answer_and_no_more(small, digits, fusion):
    clf = small(**PMG, fusion=fusion, scales=(1.0, 0.5)).fit(*digits)
    network = clf.network_
    images = torch.rand(4, 1, 8, 8)
    answers = network.staged(images).split(10, dim=1)
    for stage, answer in enumerate(answers):
        torch.testing.assert_close(network.answer_of(stage, images), answer)
    network.zero_grad(set_to_none=True)
    network.answer_of(1, images).sum().backward()
    learned = {
        name.split(".")[0] if not name.startswith("exits") else name[:13]
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }
    assert learned == {"pyramid", "exits.heads.1"}


def test_the_same_seed_gives_the_same(small, digits):
    X, y = digits
    one, other = (small(**PMG).fit(X, y).predict_proba(X) for _ in range(2))
    assert_array_equal(one, other)


def test_partial_fit_and_several_columns(small, digits):
    X, y = digits
    clf = small(**PMG)
    for _ in range(2):
        clf.partial_fit(X, y, classes=np.arange(10))
    assert len(list(clf.staged_predict_proba(X[:5]))) == 3
    columns = np.column_stack([y > 4, y % 2])
    assert small(**PMG).fit(X, columns).predict(X).shape == columns.shape


def test_early_answers_without_deep_supervision(small, digits):
    X, y = digits
    clf = small(**PMG, exit_threshold=0.0).fit(X, y)
    assert_array_equal(clf.predict(X), next(iter(clf.staged_predict(X))))


def test_fewer_patches(small, digits, steps_taken):
    training = ProgressiveTraining(max_patches=1)
    small(**{**PMG, "training": training, "max_epochs": 1}, batch_size=200).fit(*digits)
    whole = steps_taken[-1][1]
    assert all(torch.equal(shown, whole) for _, shown in steps_taken)


def test_colour_and_one_pixel_images_of_any_size(small):
    generator = np.random.default_rng(0)
    for shape in [(1, 1, 3), (5, 3, 1), (17, 33, 3)]:
        X = generator.uniform(size=(12, *shape))
        clf = small(**{**PMG, "max_epochs": 1}).fit(X, np.arange(12) % 2)
        assert clf.predict(X).shape == (12,)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"trainable": "head", "backbone": "scattering"}, "trainable='head' no gran"),
        ({"backbone": "scattering"}, "backbone='scattering' and trainable='all' no"),
    ],
)
def test_refuses_what_cannot_learn(small, digits, parameters, message):
    with pytest.raises(ValueError, match=message):
        small(**PMG, **parameters).fit(*digits)


def test_refuses_other_estimators(digits):
    X, y = digits
    with pytest.raises(ValueError, match="MultiGranularityRegressor cannot learn from"):
        MultiGranularityRegressor(training="pmg").fit(X, y)
    images = X.reshape(-1, 8, 8)
    with pytest.raises(ValueError, match="MultiGranularitySegmenter cannot learn from"):
        MultiGranularitySegmenter(training="pmg").fit(images, (images > 8).astype(int))
    several = MultiGranularityMultiTask(
        tasks={"digit": "classification"}, training=ProgressiveTraining()
    )
    with pytest.raises(ValueError, match="Take MultiGranularityClassifier, or"):
        several.fit(X, {"digit": y})


def test_refuses_to_go_on_with_a_network_that_has_no_early_answers(small, digits):
    clf = small(warm_start=True).fit(*digits)
    before = clf.predict_proba(digits[0])
    clf.set_params(training="pmg")
    with pytest.raises(ValueError, match="Set warm_start=False"):
        clf.fit(*digits)
    assert_array_equal(clf.predict_proba(digits[0]), before)
    assert small(training="pmg", warm_start=True).fit(*digits).fit(*digits)


def test_parameters_are_checked_and_set_by_name(small, digits):
    clf = small(**PMG).set_params(training__max_patches=2)
    assert isinstance(clf.training, ProgressiveTraining)
    with pytest.raises(ValueError, match="'max_patches' parameter of Progressive"):
        small(training=ProgressiveTraining(max_patches=0)).fit(*digits)
