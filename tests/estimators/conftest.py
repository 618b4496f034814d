"""Small fast classifiers and real digits for the estimator tests."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skmultigran import ConvNetBackbone, MultiGranularityClassifier


@pytest.fixture
def small():
    """Return a factory of classifiers that train in well under a second."""

    def make(**parameters):
        defaults = {
            "backbone": ConvNetBackbone(widths=(8, 16)),
            "max_epochs": 4,
            "batch_size": 16,
            "lr": 0.02,
            "augment": None,
            "random_state": 0,
        }
        return MultiGranularityClassifier(**(defaults | parameters))

    return make


@pytest.fixture(scope="session")
def digits():
    """Return 200 digits as flat rows, and their labels."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:200], y[:200]
    X.setflags(write=False)
    y.setflags(write=False)
    return X, y


@pytest.fixture(scope="session")
def pair():
    """Return 60 images of two classes: a bright left or a bright right half."""
    generator = np.random.default_rng(0)
    images = generator.uniform(0, 0.3, size=(60, 6, 6)).astype(np.float32)
    y = np.arange(60) % 2
    images[y == 0, :, :3] += 0.6
    images[y == 1, :, 3:] += 0.6
    images.setflags(write=False)
    return images, y
