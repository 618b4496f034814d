"""Several processes keep features in one folder, and no bit of a result changes."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skmultigran import (
    FeatureCache,
    MultiGranularityClassifier,
    MultiGranularityTransformer,
)

N = 30
N_GRANULARITIES = 4

# What this process and the others do alike.
COMMON = """
import numpy as np
from skmultigran import MultiGranularityClassifier, MultiGranularityTransformer

def data():
    generator = np.random.default_rng(0)
    X = generator.integers(0, 120, (30, 12, 12), dtype=np.uint8)
    y = np.arange(30) % 3
    X[y == 1, :6] += 60
    X[y == 2, :, :6] += 60
    return X, y

def results(memory, order):
    X, y = data()
    transformer = MultiGranularityTransformer(scales=(1.0, 0.5), memory=memory)
    classifier = MultiGranularityClassifier(
        backbone="scattering", scales=(1.0, 0.5), trainable="head", memory=memory,
        max_epochs=2, random_state=0,
    )
    columns = transformer.fit(X).transform(X[order])[np.argsort(order)]
    return columns, classifier.fit(X, y).predict_proba(X)
"""
SPACE: dict = {}
exec(COMMON, SPACE)

PROGRAM = (
    COMMON
    + """
import sys
memory, order, output = sys.argv[1], eval(sys.argv[2]), sys.argv[3]
print("ready", flush=True)
sys.stdin.readline()
columns, probabilities = results(memory, np.arange(30)[::order])
np.savez(output, columns=columns, probabilities=probabilities)
"""
)


def test_two_processes_fit_and_transform_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    kept, orders = str(tmp_path / "kept"), ("1", "-1")
    started = [(kept, order, str(tmp_path / f"{order}.npz")) for order in orders]
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for arguments in started
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # both are ready, so they start together
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")

    expected = SPACE["results"](None, np.arange(N))
    for order in orders:
        with np.load(tmp_path / f"{order}.npz") as found:
            np.testing.assert_array_equal(found["columns"], expected[0])
            np.testing.assert_array_equal(found["probabilities"], expected[1])
    before = FeatureCache(kept).info()
    # Transformer and classifier pool to grids of their own.
    entries = 2 * N * N_GRANULARITIES
    assert before.entries == entries
    assert entries <= before.misses <= 2 * entries
    SPACE["results"](kept, np.arange(N))
    after = FeatureCache(kept).info()
    assert (after.misses, after.entries) == (before.misses, entries)


SEARCHES = {
    "transformer": (
        Pipeline(
            [
                ("see", MultiGranularityTransformer(scales=(1.0, 0.5))),
                ("answer", LogisticRegression(max_iter=1000)),
            ]
        ),
        "see__memory",
        {"answer__C": [0.01, 1.0]},
    ),
    "classifier": (
        MultiGranularityClassifier(
            backbone="scattering",
            scales=(1.0, 0.5),
            trainable="head",
            max_epochs=2,
            random_state=0,
        ),
        "memory",
        {"fusion": ["concat", "gated"]},
    ),
}


@pytest.mark.parametrize(("model", "memory", "grid"), SEARCHES.values(), ids=SEARCHES)
def test_a_search_in_two_workers_equals_one_without_memory(
    model, memory, grid, tmp_path
):
    X, y = SPACE["data"]()
    alone = GridSearchCV(model, grid, cv=3).fit(X, y)
    kept = clone(model).set_params(**{memory: tmp_path})
    both = GridSearchCV(kept, grid, cv=3, n_jobs=2).fit(X, y)
    for fold in range(3):
        name = f"split{fold}_test_score"
        np.testing.assert_array_equal(both.cv_results_[name], alone.cv_results_[name])
    np.testing.assert_array_equal(both.predict_proba(X), alone.predict_proba(X))
    info = FeatureCache(tmp_path).info()
    entries = N * N_GRANULARITIES
    assert info.entries == entries
    # Two workers may compute an image at the same time, but none twice.
    assert entries <= info.misses <= 2 * entries
    # Six fits and scores, the last fit, and predict_proba look at all images.
    assert info.hits + info.misses == 8 * entries
