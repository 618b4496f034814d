"""What a search costs whose features are computed once, beside those that are not."""

import tempfile

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks.clothing.bare_timm import bare_network, features_of_files
from benchmarks.measuring import timed
from skmultigran import MultiGranularityTransformer

STRENGTHS = np.logspace(-4, 0, 12)
N_FOLDS = 5
# What `memory` may cost beside one pass over the images and the heads.
BAR = 1.3


def search(paths, y, split, options):
    """A grid of 12 candidates and 5 folds: with memory, without, and peers."""
    paths, y = paths[split == 0][: options.images], y[split == 0][: options.images]
    transformer = MultiGranularityTransformer(
        backbone="efficientnet_lite0", image_size=160
    )
    print(f"{len(paths)} photographs, {len(STRENGTHS)} candidates x {N_FOLDS} folds")
    transformer.fit(paths[:1])  # imports are nobody's cost
    records = {}

    def measured(name, work):
        records[name] = {"name": name}
        with timed(records[name]):
            result = work()
        print(f"{name:<44}{records[name]['wall_seconds']:8.0f} s", flush=True)
        return result

    columns = measured("one pass", lambda: transformer.fit_transform(paths))
    heads = measured("the heads alone", lambda: _searched((), {}, columns, y))
    with tempfile.TemporaryDirectory() as folder:
        for name, steps, more in _competitors(transformer, folder):
            found = measured(name, lambda s=steps, m=more: _searched(s, m, paths, y))
            records[name]["scores_of_heads"] = np.array_equal(
                found.cv_results_["mean_test_score"],
                heads.cv_results_["mean_test_score"],
            )
    _report(records)
    yield from records.values()


def _competitors(transformer, folder):
    """Yield names, first steps of the pipeline, and its other parameters."""
    kept = MultiGranularityTransformer(**transformer.get_params(deep=False))
    yield "with memory", (kept.set_params(memory=f"{folder}/features"),), {}
    yield "without memory", (transformer,), {}
    timm = FunctionTransformer(_timm_features)
    yield "timm, joblib memory of the Pipeline", (timm,), {"memory": f"{folder}/joblib"}


def _searched(steps, more, X, y):
    head = LogisticRegression(max_iter=300)
    model = make_pipeline(*steps, StandardScaler(), head, **more)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    grid = {"logisticregression__C": STRENGTHS}
    return GridSearchCV(model, grid, cv=folds, refit=False).fit(X, y)


def _timm_features(paths):
    return features_of_files(bare_network(), paths)


def _report(records):
    wall = {name: record["wall_seconds"] for name, record in records.items()}
    least = wall["one pass"] + wall["the heads alone"]
    ratio = wall["with memory"] / least
    records["with memory"]["ratio"] = ratio
    equal = {
        name: record["scores_of_heads"]
        for name, record in records.items()
        if "scores_of_heads" in record
    }
    print(
        f"with memory / (one pass + heads) = {ratio:.2f}, bar {BAR}: "
        f"{'kept' if ratio <= BAR else 'MISSED'}"
    )
    same = [name for name in ("with memory", "without memory") if equal[name]]
    print(f"scores equal to those of the heads alone, bit for bit: {', '.join(same)}")
