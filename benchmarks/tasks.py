"""Numbers, and several tasks: scenes with one digit each, and nuclei to be counted.

Run it with `python -m benchmarks tasks PART [--data nuclei_dsb2018.npz]`; it
needs `pip install 'skmultigran[pretrained,images]'`. `together`: class, size and mask
from one model beside one model each. `partly`: half of one task's answers removed,
beside the fully answered half alone. `sizes` and `nuclei`: numbers, beside a forest on
pixels and support vectors on histograms of gradients.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVR

from benchmarks.measuring import Records, timed
from benchmarks.packed import TEST, TRAIN, Packed
from skmultigran import (
    ImageResizer,
    MultiGranularityClassifier,
    MultiGranularityMultiTask,
    MultiGranularityRegressor,
    MultiGranularitySegmenter,
)
from skmultigran.datasets import make_digit_scenes

TASKS = {"digit": "classification", "size": "regression", "mask": "segmentation"}
SINGLE = {
    "digit": MultiGranularityClassifier,
    "size": MultiGranularityRegressor,
    "mask": MultiGranularitySegmenter,
}
# A digit is as large, and the same, wherever it is. By default images of which a number
# is asked are left as they are.
SHIFTED = {"augment": "shift"}


def scenes(n, side, subset, seed):
    """Return images of one digit each, and its class, size in pixels and mask."""
    made = make_digit_scenes(n, side, n_objects=1, subset=subset, random_state=seed)
    return made.images, {
        "digit": np.array([found["labels"][0] for found in made.y]),
        "size": np.array([sizes[0] for sizes in made.sizes], dtype=float),
        "mask": (made.masks > 0).astype(int),
    }


def chosen(y, rows):
    return {name: column[rows] for name, column in y.items()}


# -------------------------------------------------------------- several tasks


def together(options, seed):
    """Class, size and mask: one model, and one model each."""
    X, y = scenes(options.images or 500, 32, "train", seed)
    X_test, y_test = scenes(options.test_images, 32, "test", 100 + seed)
    common = {"max_epochs": options.epochs or "auto", "random_state": seed, **SHIFTED}
    times = {}
    with timed(times):
        model = MultiGranularityMultiTask(tasks=TASKS, **common).fit(X, y)
    yield {"model": "one model of all", **model.scores(X_test, y_test), **times}
    scores, times = {}, {}
    with timed(times):
        for name, estimator in SINGLE.items():
            single = estimator(**common).fit(X, y[name])
            scores[name] = single.score(X_test, y_test[name])
    yield {"model": "one model each", **scores, **times}


def partly(options, seed):
    """Half of the digits' classes removed, and the answered half alone."""
    X, y = scenes(options.images or 500, 32, "train", seed)
    X_test, y_test = scenes(options.test_images, 32, "test", 100 + seed)
    tasks = {name: TASKS[name] for name in ("digit", "size")}
    answered = np.arange(len(X)) % 2 == 0
    removed = np.where(answered, y["digit"], np.nan)
    cases = {
        "all answers": (X, y),
        "half of the classes removed": (X, y | {"digit": removed}),
        "the answered half alone": (X[answered], chosen(y, answered)),
    }
    for name, (images, answers) in cases.items():
        model = MultiGranularityMultiTask(
            tasks=tasks,
            max_epochs=options.epochs or "auto",
            random_state=seed,
            **SHIFTED,
        )
        times = {}
        with timed(times):
            model.fit(images, answers)
        yield {"model": name, **model.scores(X_test, y_test), **times}


# -------------------------------------------------------------------- numbers


def histograms(images):
    from skimage.feature import hog

    return np.array([hog(image, pixels_per_cell=(8, 8)) for image in images])


def peers(seed):
    """Return the peers, which take grey images of one size."""
    flat = FunctionTransformer(lambda images: images.reshape(len(images), -1))
    forest = RandomForestRegressor(100, n_jobs=1, random_state=seed)
    vectors = make_pipeline(
        FunctionTransformer(histograms), StandardScaler(), SVR(C=10, gamma="scale")
    )
    return {
        "RandomForestRegressor on pixels": make_pipeline(flat, forest),
        "HOG + SVR": TransformedTargetRegressor(vectors, transformer=StandardScaler()),
    }


def compared(models, y, y_test):
    """Yield the record of each model: name to (model, training and test images)."""
    for name, (model, X, X_test) in models.items():
        times = {}
        with timed(times):
            predicted = model.fit(X, y).predict(X_test)
        scores = {
            "r2": r2_score(y_test, predicted),
            "mean_absolute_error": mean_absolute_error(y_test, predicted),
        }
        yield {"model": name, **scores, **times}


def sizes(options, seed):
    """The size in pixels of the digit in a scene."""
    X, y = scenes(options.images or 500, 32, "train", seed)
    X_test, y_test = scenes(options.test_images, 32, "test", 100 + seed)
    common = {"max_epochs": options.epochs or "auto", "random_state": seed, **SHIFTED}
    ours = {"MultiGranularityRegressor": MultiGranularityRegressor(**common)}
    models = {name: (model, X, X_test) for name, model in (ours | peers(seed)).items()}
    yield from compared(models, y["size"], y_test["size"])


def nuclei_of(data, rows):
    """Return the logarithms of the numbers of nuclei, and the images."""
    return np.log(np.diff(data.data["box_off"])[rows]), data.arrays(rows)


def nuclei(options, seed):
    """The logarithm of the number of nuclei, from 1 to some hundred in an image."""
    data = Packed(options.data)
    y, X = nuclei_of(data, data.rows(TRAIN, options.images))
    y_test, X_test = nuclei_of(data, data.rows(TEST))
    resizer = ImageResizer(size=64, resize="stretch")
    grey = resizer.fit_transform([image.mean(axis=2) / 255 for image in X])
    grey_test = resizer.transform([image.mean(axis=2) / 255 for image in X_test])
    common = {"max_epochs": options.epochs or "auto", "random_state": seed}
    common["resize"] = "stretch"
    ours = {
        "MultiGranularityRegressor": MultiGranularityRegressor(image_size=64, **common),
        "MultiGranularityRegressor, frozen efficientnet_lite0": (
            MultiGranularityRegressor(
                backbone="efficientnet_lite0",
                trainable="head",
                image_size=160,
                **common,
            )
        ),
    }
    models = {name: (model, X, X_test) for name, model in ours.items()}
    models |= {name: (model, grey, grey_test) for name, model in peers(seed).items()}
    yield from compared(models, y, y_test)


PARTS = {f.__name__: f for f in (together, partly, sizes, nuclei)}


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks tasks", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", type=Path, help="nuclei_dsb2018.npz")
    parser.add_argument("--output", type=Path, default=None, help="a JSON file")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--images", type=int, default=None, help="of training")
    parser.add_argument("--test-images", type=int, default=500, help="scenes only")
    options = parser.parse_args(arguments)
    if options.part == "nuclei" and options.data is None:
        parser.error("nuclei needs --data")
    output = options.output or Path(f"demo/tasks_{options.part}.json")
    records = Records(output, "tasks")
    for seed in range(options.seeds):
        for record in PARTS[options.part](options, seed):
            records.add({"part": options.part, "seed": seed, **record})
            numbers = (f"{k} {v:.4g}" for k, v in record.items() if k != "model")
            print(f"seed {seed}", record["model"], *numbers, flush=True)
    print(f"Records: {output}")
