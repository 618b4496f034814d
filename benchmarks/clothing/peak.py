"""One fit, and the largest memory that its process had: a program of `memory`."""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measuring import peak_mib, timed
from skmultigran import (
    FeatureCache,
    MultiGranularityClassifier,
    MultiGranularityTransformer,
)

TOGETHER = 500


def fit_transformer(paths, size):
    """Fit, and transform piece by piece, as a program with many files would."""
    transformer = MultiGranularityTransformer(
        backbone="efficientnet_lite0", image_size=size
    ).fit(paths)
    for start in range(0, len(paths), TOGETHER):
        transformer.transform(paths[start : start + TOGETHER])


def fit_classifier(paths, size, memory=None):
    """Fit a classifier on the frozen backbone, for two epochs."""
    MultiGranularityClassifier(
        backbone="efficientnet_lite0",
        image_size=size,
        trainable="head",
        max_epochs=2,
        memory=memory,
        random_state=0,
    ).fit(paths, np.arange(len(paths)) % 10)


def fit_classifier_with_memory(paths, size):
    """The same with features on disk, and at most 64 MiB of them in memory."""
    with tempfile.TemporaryDirectory() as folder:
        fit_classifier(paths, size, FeatureCache(folder, max_memory_bytes=2**26))


FITS = {
    "transformer": fit_transformer,
    "classifier": fit_classifier,
    "classifier with memory": fit_classifier_with_memory,
}


def main(kind, count, folder, size):
    paths = [str(Path(folder, f"{number:05d}.jpg")) for number in range(int(count))]
    record = {"name": kind, "files": len(paths)}
    with timed(record):
        FITS[kind](paths, int(size))
    print(json.dumps({**record, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
