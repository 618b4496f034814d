"""The main job on real data: 1,797 handwritten digits as flat rows of 64 values.

With `pip install 'skmultigran[pretrained,images]'` there is a second part on files of
real photographs. Run it with `make demo`, or with
`python -m benchmarks demo [--quick] [--output DIR]`.
"""

import argparse
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from benchmarks import photographs
from benchmarks.pictures import (
    draw_demo,
    draw_granularities,
    draw_photographs,
    draw_scenes,
)
from benchmarks.plain_convnet import plain_convnet
from skmultigran import (
    MultiGranularityClassifier,
    MultiGranularityDetector,
    MultiGranularitySegmenter,
    MultiGranularityTransformer,
)
from skmultigran.datasets import make_digit_scenes
from skmultigran.metrics import mean_average_precision_score


class Settings(NamedTuple):
    """How much of everything; the quick ones are for the test of this program."""

    n_images: int = 1797
    n_splits: int = 5
    max_epochs: int | str = "auto"
    plain_epochs: int = 25
    fusions: tuple = ("concat", "attention", "fpn")
    scales: tuple = ((1.0,), (1.0, 0.5), (1.5, 1.0))
    search_splits: int = 3
    search_epochs: int = 4
    n_photographs: int = 160
    photograph_size: int = 96
    n_scenes: int = 500
    mask_epochs: int = 4
    box_epochs: int = 5


QUICK = Settings(
    n_images=300,
    n_splits=2,
    max_epochs=4,
    plain_epochs=3,
    fusions=("concat", "attention"),
    scales=((1.0,), (1.0, 0.5)),
    search_splits=2,
    search_epochs=2,
    n_photographs=80,
    photograph_size=64,
    n_scenes=40,
    mask_epochs=2,
    box_epochs=2,
)


class Result(NamedTuple):
    """What a classifier reached over all folds."""

    name: str
    accuracies: np.ndarray
    wall_seconds: float
    cpu_seconds: float


def load_rows(n_images):
    X, y = load_digits(return_X_y=True)
    return (X[:n_images] / 16).astype(np.float32), y[:n_images]


def denoise(rows, sigma):
    """Smooth flat 8 x 8 images: an ordinary preprocessing step from SciPy."""
    images = rows.reshape(-1, 8, 8)
    return ndimage.gaussian_filter(images, (0, sigma, sigma)).reshape(rows.shape)


def classifiers(settings):
    ours = MultiGranularityClassifier(max_epochs=settings.max_epochs, random_state=0)
    return {
        "MultiGranularityClassifier": ours,
        "scattering, LogisticRegression": make_pipeline(
            MultiGranularityTransformer(),
            StandardScaler(),
            LogisticRegression(max_iter=500),
        ),
        "SVC": SVC(),
        "RandomForestClassifier": RandomForestClassifier(random_state=0),
        "plain convnet in skorch": plain_convnet(settings.plain_epochs),
    }


def compare(models, X, y, n_splits):
    """Return a `Result` for each classifier, all on the same folds."""
    cv = StratifiedKFold(n_splits, shuffle=True, random_state=0)
    folds = list(cv.split(X, y))
    with tqdm(total=len(models) * n_splits, unit="fit") as bar:
        return [
            evaluate(name, model, X, y, folds, bar) for name, model in models.items()
        ]


def evaluate(name, model, X, y, folds, bar):
    torch.manual_seed(0)  # the plain convnet has no random_state
    bar.set_description(f"{name:<30}")
    wall, cpu = time.perf_counter(), time.process_time()
    accuracies = []
    for train, test in folds:
        fitted = clone(model).fit(X[train], y[train])
        accuracies.append(fitted.score(X[test], y[test]))
        bar.update()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Result(name, np.array(accuracies), wall, cpu)


def table(results):
    header = f"{'classifier':<32}{'accuracy':>9}{'+/-':>8}{'wall s':>9}{'CPU s':>9}"
    rows = [
        f"{r.name:<32}{r.accuracies.mean():>9.4f}{r.accuracies.std():>8.4f}"
        f"{r.wall_seconds:>9.1f}{r.cpu_seconds:>9.1f}"
        for r in results
    ]
    return "\n".join([header, "-" * len(header), *rows])


def search(settings, X, y):
    """Search over fusion and scales, with a preprocessing step inside the folds."""
    clf = MultiGranularityClassifier(max_epochs=settings.search_epochs, random_state=0)
    smooth = FunctionTransformer(denoise, kw_args={"sigma": 0.4})
    grid = {"clf__fusion": settings.fusions, "clf__scales": settings.scales}
    cv = StratifiedKFold(settings.search_splits, shuffle=True, random_state=0)
    pipeline = Pipeline([("denoise", smooth), ("clf", clf)])
    searcher = GridSearchCV(pipeline, grid, cv=cv)
    searcher.set_callbacks(ProgressBar(max_propagation_depth=None))
    with warnings.catch_warnings():
        # The bar of a step that has nothing to tell is not missed.
        no_bar = "The estimator FunctionTransformer does not support callbacks"
        warnings.filterwarnings("ignore", message=no_bar)
        return searcher.fit(X, y)


def watched_fit(settings, X, y):
    """Return a classifier that was watched on images it does not see, and these."""
    X_fit, X_val, y_fit, y_val = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=0
    )
    clf = MultiGranularityClassifier(
        max_epochs=settings.max_epochs, random_state=0, verbose=1
    )
    return clf.fit(X_fit, y_fit, X_val=X_val, y_val=y_val), X_val, y_val


def show_photographs(settings, folder):
    """Run the part on photographs, or say what it needs."""
    absent = photographs.missing()
    if absent:
        print(
            f"\nThe part on real photographs is left out: it needs {', '.join(absent)}."
            " Install with: pip install 'skmultigran[pretrained,images]'"
        )
        return
    print(
        f"\n{settings.n_photographs} pieces of real photographs in files of many sizes;"
        " which flaw has each?"
    )
    cases, shown = photographs.run(
        n_files=settings.n_photographs,
        n_splits=min(4, settings.n_splits),
        image_size=settings.photograph_size,
    )
    picture = folder / "photographs.png"
    draw_photographs(picture, cases, shown)
    print(f"Picture: {picture}")


def scenes(n_scenes, subset):
    """Return scenes of one or two digits, of handwriting of their own."""
    return make_digit_scenes(
        n_scenes,
        size=40,
        n_objects=(1, 2),
        scales=(10, 28),
        subset=subset,
        random_state=0,
    )


def just_digits(y):
    """Return boxes of one kind: which digit each is takes longer to learn."""
    return [each | {"labels": ["digit"] * len(each["boxes"])} for each in y]


def show_scenes(settings, folder):
    """Learn masks and boxes of digits, and draw what is found in other scenes."""
    train, test = scenes(settings.n_scenes, "train"), scenes(100, "test")
    print(f"\n{settings.n_scenes} scenes of digits: where are they?")
    segmenter = MultiGranularitySegmenter(
        max_epochs=settings.mask_epochs, batch_size=16, random_state=0, verbose=1
    )
    segmenter.fit(train.images, train.masks > 0)
    score = segmenter.score(test.images, test.masks > 0)
    print(f"Masks of digits: mean IoU {score:.3f} in 100 scenes of other handwriting")
    detector = MultiGranularityDetector(
        max_epochs=settings.box_epochs, batch_size=16, random_state=0, verbose=1
    )
    detector.fit(train.images, just_digits(train.y))
    found, there = detector.predict(test.images), just_digits(test.y)
    score = mean_average_precision_score(there, found, iou_threshold=0.5)
    print(f"Boxes of digits: AP50 {score:.3f} in the same scenes")
    picture = folder / "scenes.png"
    draw_scenes(picture, segmenter, detector, test, there)
    print(f"Picture: {picture}")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks demo", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="little data, few epochs")
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder")
    options = parser.parse_args(arguments)
    settings = QUICK if options.quick else Settings()
    X, y = load_rows(settings.n_images)

    print(f"{len(X)} digits, {X.shape[1]} values each; {settings.n_splits} folds")
    results = compare(classifiers(settings), X, y, settings.n_splits)
    print(table(results))

    print("\nA denoising step and the classifier in a search over fusion and scales")
    searcher = search(settings, X, y)
    best = ", ".join(f"{k} = {v!r}" for k, v in searcher.best_params_.items())
    print(f"Best of {len(searcher.cv_results_['params'])}: {best}")
    print(f"Accuracy after {settings.search_epochs} epochs: {searcher.best_score_:.4f}")

    print("\nOne fit, watched on a quarter of the images")
    clf, X_val, y_val = watched_fit(settings, X, y)
    options.output.mkdir(parents=True, exist_ok=True)
    picture = options.output / "digits.png"
    draw_demo(picture, results, clf.history_, searcher.cv_results_)
    print(f"\nPicture: {picture}")
    show_photographs(settings, options.output)

    print("\nWhich granularities of the digits carry the evidence, and where")
    picture = options.output / "granularities.png"
    draw_granularities(picture, clf, X_val, y_val)
    print(f"Picture: {picture}")
    show_scenes(settings, options.output)
