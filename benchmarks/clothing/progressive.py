"""Progressive multi-granularity training beside plain training, on one budget."""

import numpy as np

from benchmarks.clothing.records import judged
from benchmarks.measuring import timed
from skmultigran import MultiGranularityClassifier

# Photographs on which an epoch of either training is timed.
TIMED = 512


def progressive(paths, y, split, options):
    """Fine-tune for as many CPU seconds either way, seed by seed."""
    train, rest = split == 0, split > 0
    epochs = {"standard": options.epochs}
    epochs["pmg"] = max(1, round(options.epochs / _price(paths, y, train, options)))
    differences = []
    for seed in range(options.runs):
        found = {}
        for training, n_epochs in epochs.items():
            classifier = _classifier(training, n_epochs, seed, options)
            times = {}
            with timed(times):
                classifier.fit(paths[train], y[train])
            name = f"training={training!r}, {n_epochs} epochs, seed {seed}"
            predicted = classifier.predict(paths[rest])
            found[training] = judged(name, predicted, y[rest], split[rest], **times)
            yield found[training]
        differences.append(found["pmg"]["accuracy"] - found["standard"]["accuracy"])
    spread = np.std(differences, ddof=1) if len(differences) > 1 else float("nan")
    print(f"pmg - standard: {np.mean(differences):+.4f} ± {spread:.4f}")


def _classifier(training, n_epochs, seed, options):
    return MultiGranularityClassifier(
        backbone="efficientnet_lite0",
        training=training,
        image_size=options.image_size or 128,
        augment=options.augment or "standard",
        max_epochs=n_epochs,
        random_state=seed,
    )


def _price(paths, y, train, options):
    """Return what an epoch of progressive training costs, in plain epochs."""
    X, y = paths[train][:TIMED], y[train][:TIMED]
    seconds = []
    for training in ("standard", "standard", "pmg"):  # the first prepares kernels
        times = {}
        with timed(times):
            _classifier(training, 1, 0, options).fit(X, y)
        seconds.append(times["cpu_seconds"])
    price = seconds[2] / seconds[1]
    print(f"an epoch of pmg costs {price:.2f} of the standard training")
    return price
