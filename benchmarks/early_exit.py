"""Early exit beside full prediction: accuracy, CPU seconds, where images end.

Fashion-MNIST, or photographs of clothing with `--data clothing_160.npz` (see
`python -m benchmarks clothing`). One classifier with `deep_supervision=True` is fitted,
its threshold is tuned on images held out, and the test images are predicted in full and
with early exit in turn.
"""

import argparse
import tempfile
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np

from benchmarks.clothing import Clothing
from benchmarks.measuring import Records, timed
from skmultigran import ConvNetBackbone, MultiGranularityClassifier
from skmultigran.datasets import fetch_fashion_mnist

FASHION = {
    "backbone": ConvNetBackbone(depth=2),
    "scales": (1.0, 0.5),
    "augment": ["shift", "flip"],
    "max_epochs": 6,
}
CLOTHING = {
    "backbone": "efficientnet_lite0",
    "scales": (1.0, 0.5),
    "image_size": 192,
    "augment": "standard",
    "max_epochs": 4,
}
FROZEN_CLOTHING = {
    "backbone": "efficientnet_lite0",
    "scales": (1.0, 0.6),
    "image_size": 160,
    "trainable": "head",
}
HELD_OUT = 5000


class Parts(NamedTuple):
    """Images and labels to learn from, to tune on and to be judged on."""

    train: tuple
    held_out: tuple
    test: tuple


def fashion(n_images):
    """Return the first images, the last 5,000 for tuning, and the test images."""
    X, y = fetch_fashion_mnist(return_X_y=True)
    test = fetch_fashion_mnist(subset="test", return_X_y=True)
    n = min(n_images, len(X) - HELD_OUT)
    return Parts((X[:n], y[:n]), (X[-HELD_OUT:], y[-HELD_OUT:]), test)


def clothing(path, folder):
    """Return the photographs as their author has split them."""
    data = Clothing(path)
    paths = data.write(folder)
    return Parts(*((paths[data.split == s], data.y[data.split == s]) for s in range(3)))


def fitted(parameters, parts, file):
    """Return a fitted classifier; with a file it is kept there, or read from it."""
    if file is not None and file.exists():
        return joblib.load(file)
    model = MultiGranularityClassifier(
        **parameters, deep_supervision=True, random_state=0
    )
    model.fit(*parts.train)
    if file is not None:
        joblib.dump(model, file)
    return model


def measured(model, threshold, X, y):
    """Return accuracy and seconds of one prediction."""
    record = {"threshold": threshold}
    # A tuned threshold goes before the parameter, and None means full prediction.
    model.exit_threshold_ = threshold
    with timed(record):
        predicted = model.predict(X)
    return {"accuracy": float(np.mean(predicted == y)), **record}


def run(parameters, parts, options):
    """Train, tune and measure; yield one record per prediction, then where it ended."""
    model = fitted(parameters, parts, options.fitted)
    model.tune_exit_threshold(*parts.held_out, tolerance=options.tolerance)
    threshold = model.exit_threshold_
    X, y = parts.test
    model.predict(X[:256])  # the folded copy is made, and files are read once
    for _ in range(options.rounds):
        yield {"prediction": "full", **measured(model, None, X, y)}
        yield {"prediction": "early exit", **measured(model, threshold, X, y)}
    ends = model.exit_granularities(X)
    staged = model.staged_predict(X)
    for stage, labels in zip(model.stages_, staged, strict=True):
        yield {
            "stage": stage,
            "accuracy": float(np.mean(labels == y)),
            "images": float(np.mean(ends == stage)),
        }


def report(records):
    """Print what the records say of accuracy and cost."""
    for stage in (record for record in records if "stage" in record):
        print("{stage:<12} accuracy {accuracy:.4f}, {images:.1%} end".format(**stage))
    kinds = [
        [record for record in records if record.get("prediction") == kind]
        for kind in ("full", "early exit")
    ]
    seconds = [np.median([record["cpu_seconds"] for record in kind]) for kind in kinds]
    accuracies = [kind[0]["accuracy"] for kind in kinds]
    for name, accuracy, cost in zip(
        ("full", "early exit"), accuracies, seconds, strict=True
    ):
        print(f"{name:<12} accuracy {accuracy:.4f}, {cost:.2f} CPU seconds")
    print(
        f"lost {100 * (accuracies[0] - accuracies[1]):.2f} points of accuracy at "
        f"{seconds[1] / seconds[0]:.2f} of the cost"
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks early_exit",
        description=__doc__.partition("\n")[0],
    )
    parser.add_argument("--data", type=Path, default=None, help="clothing_160.npz")
    parser.add_argument("--frozen", action="store_true", help="photographs only")
    parser.add_argument("--images", type=int, default=55_000, help="to train on")
    parser.add_argument("--tolerance", type=float, default=0.002)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fitted", type=Path, default=None, help="keep the model here")
    parser.add_argument("--output", type=Path, default=Path("demo/early_exit.json"))
    options = parser.parse_args(arguments)
    records = Records(options.output, "early_exit")
    with tempfile.TemporaryDirectory() as folder:
        if options.data is None:
            parameters, parts = FASHION, fashion(options.images)
        else:
            parameters = FROZEN_CLOTHING if options.frozen else CLOTHING
            parts = clothing(options.data, folder)
        for record in run(parameters, parts, options):
            records.add(record)
    report(records.records)
    print(f"Records: {options.output}")
