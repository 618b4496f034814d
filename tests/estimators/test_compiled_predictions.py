"""Predictions through `torch.compile` are those without it."""

import pickle
import shutil

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skmultigran import (
    ConvNetBackbone,
    MultiGranularityClassifier,
    MultiGranularityMultiTask,
    MultiGranularityRegressor,
    MultiGranularityTransformer,
)
from skmultigran.training import _compiling

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="needs a C++ compiler"
)
SMALL = {"backbone": ConvNetBackbone(widths=(2, 4), depth=1), "random_state": 0}
# One whole batch, which is compiled, and a rest, which is not.
X = np.random.default_rng(0).integers(0, 256, (130, 8, 8), dtype=np.uint8)
Y = np.arange(130) % 2


@pytest.fixture
def calls(monkeypatch):
    """Sizes of the batches that went through the compiler, which is left out."""
    sizes = []

    def compile_(function, **options):
        def run(inputs):
            sizes.append(len(inputs))
            return function(inputs)

        return run

    monkeypatch.setattr(torch, "compile", compile_)
    return sizes


@needs_compiler
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_answers_are_the_same():
    classifier = MultiGranularityClassifier(max_epochs=1, **SMALL).fit(X, Y)
    expected = classifier.predict_proba(X)
    found = classifier.set_params(compile=True).predict_proba(X)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("estimator", "predict"),
    [
        (MultiGranularityClassifier(max_epochs=1, **SMALL), "predict_proba"),
        (
            MultiGranularityClassifier(
                max_epochs=1, deep_supervision=True, exit_threshold=1.0, **SMALL
            ),
            "predict_proba",
        ),
        (MultiGranularityRegressor(max_epochs=1, **SMALL), "predict"),
        (MultiGranularityTransformer(**SMALL), "transform"),
        (MultiGranularityTransformer(output="fused", **SMALL), "transform"),
        (
            MultiGranularityTransformer(
                task="classification", max_epochs=1, output="fused", **SMALL
            ),
            "transform",
        ),
    ],
)
def test_it_is_used_for_whole_batches_and_only_when_asked_for(
    estimator, predict, calls
):
    if isinstance(estimator, MultiGranularityTransformer) and estimator.task is None:
        estimator.set_params(backbone="scattering")
    estimator = clone(estimator).fit(X, Y)
    expected = getattr(estimator, predict)(X)
    assert not calls
    found = getattr(estimator.set_params(compile=True), predict)(X)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    # Where each image may end at another granularity, nothing is compiled.
    early = getattr(estimator, "exit_threshold", None) is not None
    assert set(calls) == (set() if early else {128})


def test_several_tasks_use_it(calls):
    y = {"even": Y, "number": Y + 0.5}
    tasks = {"even": "classification", "number": "regression"}
    model = MultiGranularityMultiTask(tasks=tasks, max_epochs=1, **SMALL).fit(X, y)
    expected = model.predict(X)
    found = model.set_params(compile=True).predict(X)
    assert set(calls) == {128}
    np.testing.assert_array_equal(found["even"], expected["even"])
    np.testing.assert_allclose(found["number"], expected["number"], atol=1e-6)


def test_few_images_are_not_compiled_for(calls):
    classifier = MultiGranularityClassifier(max_epochs=1, compile=True, **SMALL)
    classifier.fit(X, Y).predict(X[:60])
    assert not calls


def test_a_further_fit_is_what_predicts(calls):
    classifier = MultiGranularityClassifier(
        max_epochs=1, compile=True, warm_start=True, **SMALL
    )
    before = classifier.fit(X, Y).predict_proba(X)
    after = classifier.fit(X, Y).predict_proba(X)
    plain = classifier.set_params(compile=False).predict_proba(X)
    np.testing.assert_allclose(after, plain, atol=1e-6)
    assert np.abs(after - before).max() > 1e-4


def test_a_failure_of_the_compiler_warns_once_and_answers(monkeypatch):
    def compile_(function, **options):
        def run(inputs):
            raise RuntimeError("no compiler here")

        return run

    monkeypatch.setattr(torch, "compile", compile_)
    classifier = MultiGranularityClassifier(max_epochs=1, **SMALL).fit(X, Y)
    expected = classifier.predict_proba(X)
    classifier.set_params(compile=True)
    with pytest.warns(RuntimeWarning, match=r"compile=True has no effect.*C\+\+") as w:
        found = classifier.predict_proba(X)
    assert len(w) == 1
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(classifier.predict_proba(X), expected)


def test_pickles_and_clones_know_nothing_of_it(calls):
    classifier = MultiGranularityClassifier(max_epochs=1, compile=True, **SMALL)
    expected = classifier.fit(X, Y).predict_proba(X)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_allclose(again.predict_proba(X), expected, atol=1e-6)
    assert clone(classifier).compile is True


def test_networks_are_let_go_of(calls):
    before = len(_compiling._compiled)
    classifier = MultiGranularityClassifier(max_epochs=1, compile=True, **SMALL)
    classifier.fit(X, Y).predict(X)
    assert len(_compiling._compiled) == before + 1
    import gc

    del classifier
    gc.collect()
    assert len(_compiling._compiled) == before


def test_kept_features_are_told_apart(calls, tmp_path):
    transformer = MultiGranularityTransformer(
        backbone="scattering", memory=tmp_path, random_state=0
    )
    transformer.fit(X).transform(X)
    transformer.set_params(compile=True).transform(X)
    assert set(calls) == {128}
