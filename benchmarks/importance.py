"""What importances cost: time of `granularity_importance` in prediction passes.

Run it with `python -m benchmarks importance [--images N] [--side PIXELS]`. Predictions
and importances take turns; the ratio is that of the medians.
"""

import argparse
import time

import numpy as np

from skmultigran import MultiGranularityClassifier
from skmultigran.inspection import granularity_importance

FUSIONS = ("concat", "sum", "weighted", "gated", "attention")
CLASSES = 10


def seconds(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def measured(fusion, options):
    """Return CPU seconds of predictions and of importances, round by round."""
    generator = np.random.default_rng(0)
    side = options.side
    X = generator.integers(0, 256, (options.images, side, side), dtype=np.uint8)
    y = np.arange(options.images) % CLASSES
    model = MultiGranularityClassifier(
        fusion=fusion, scales=options.scales, max_epochs=1, random_state=0
    )
    model.fit(X[:128], y[:128])
    model.predict(X)  # folds the network
    ways = (
        lambda: model.predict(X),
        lambda: granularity_importance(model, X, y, random_state=0),
    )
    rounds = [[seconds(way) for way in ways] for _ in range(options.rounds)]
    return np.array(rounds).T, len(model.granularities_)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--side", type=int, default=28)
    parser.add_argument("--scales", type=float, nargs="+", default=[1.0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fusions", nargs="+", default=FUSIONS)
    options = parser.parse_args(arguments)
    print("| fusion | granularities | predict, CPU s | importance, CPU s | passes |")
    print("| --- | --- | --- | --- | --- |")
    for fusion in options.fusions:
        times, count = measured(fusion, options)
        predict, importance = np.median(times, axis=1)
        print(
            f"| {fusion} | {count} | {predict:.2f} | {importance:.2f} | "
            f"{importance / predict:.1f} |",
            flush=True,
        )
