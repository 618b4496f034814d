"""Scattering columns and linear discriminant analysis, beside kymatio's scattering.

Fashion-MNIST, 1,000 training images, 10,000 others. Run it with
`python -m benchmarks scattering [--draws N]`; it needs `pip install kymatio`.
"""

import argparse
import time

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from benchmarks.frozen_columns import KymatioColumns
from skmultigran import MultiGranularityTransformer
from skmultigran.datasets import fetch_fashion_mnist

N_TRAIN = 1000


def kymatio_columns(images):
    """Return kymatio's coefficients of second order for two scales, flattened."""
    return KymatioColumns()(images.reshape(-1, 28, 28))


def our_columns(images):
    """Return the columns of the transformer with its defaults."""
    return MultiGranularityTransformer().fit_transform(images)


METHODS = {"skmultigran": our_columns, "kymatio": kymatio_columns}


def measure(columns, train, test):
    """Return accuracy, CPU seconds of the columns, and their number."""
    start = time.process_time()
    fitted, seen = columns(train[0]), columns(test[0])
    seconds = time.process_time() - start
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    return model.fit(fitted, train[1]).score(seen, test[1]), seconds, fitted.shape[1]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks scattering", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--draws", type=int, default=3, help="sets of training images")
    options = parser.parse_args(arguments)
    X, y = fetch_fashion_mnist(return_X_y=True)
    test = fetch_fashion_mnist(subset="test", return_X_y=True)
    print(f"{'method':<14}{'draw':>6}{'accuracy':>10}{'CPU s':>8}{'columns':>9}")
    for draw in range(options.draws):
        rows = np.arange(N_TRAIN)
        if draw:
            rows = np.random.default_rng(draw).choice(len(X), N_TRAIN, replace=False)
        for name, columns in METHODS.items():
            accuracy, seconds, width = measure(columns, (X[rows], y[rows]), test)
            print(f"{name:<14}{draw:>6}{accuracy:>10.4f}{seconds:>8.1f}{width:>9}")
