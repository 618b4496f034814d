"""Real digits as tiny images, and networks that are exported in a second or two."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skmultigran import ConvNetBackbone


@pytest.fixture(scope="session")
def images():
    """Return 40 digits `(n, 8, 8, 1)` of 8-bit integers."""
    return load_digits().images[:40, :, :, None].astype(np.uint8)


@pytest.fixture(scope="session")
def labels():
    """Return the names of their digits."""
    names = np.array("zero one two three four five six seven eight nine".split())
    return names[load_digits().target[:40]]


@pytest.fixture
def quick():
    """Return parameters of a training that takes no time."""
    return {
        "backbone": ConvNetBackbone(widths=(4, 4)),
        "max_epochs": 1,
        "augment": None,
        "random_state": 0,
    }
