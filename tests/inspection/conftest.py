"""A backbone whose two levels share nothing, and images of texture and layout."""

from itertools import product

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from skmultigran import ConvNetBackbone, Level, MultiGranularityClassifier
from skmultigran.backbones import Backbone, BackboneRecipe


class _Separate(Backbone):
    """Fine: what is left of an image without its blocks' means. Coarse: these means."""

    def __init__(self):
        super().__init__()
        self.levels = (Level(1, 1), Level(1, 4))
        self.stages = nn.ModuleList()

    def forward(self, images):
        means = functional.avg_pool2d(images, 4)
        return [(images - functional.interpolate(means, scale_factor=4)).abs(), means]


class SeparateBackbone(BackboneRecipe):
    """Two granularities that are separate by construction."""

    fixed = True

    def __init__(self):
        pass

    def build(self, in_channels, image_size):
        return _Separate()


@pytest.fixture(scope="session")
def separate():
    """Return a recipe of a backbone whose levels are separate by construction."""
    return SeparateBackbone()


@pytest.fixture(scope="session")
def textured():
    """Return 64 images 16 x 16, whether they are textured, and whether lit from left.

    The texture has no mean in any block of 4 x 4, and the layout is even in each.
    """
    generator = np.random.default_rng(0)
    kinds = np.array(list(product((0, 1), (0, 1))) * 16)
    blocks = generator.integers(8, 12, size=(64, 4, 4)) / 32
    blocks[kinds[:, 1] == 0, :, :2] += 0.25
    blocks[kinds[:, 1] == 1, :, 2:] += 0.25
    checks = np.indices((16, 16)).sum(axis=0) % 2 - 0.5
    images = np.kron(blocks, np.ones((1, 4, 4)))
    images += checks * np.where(kinds[:, 0] == 1, 0.25, 0.125)[:, None, None]
    return images.astype(np.float32), kinds[:, 0], kinds[:, 1]


@pytest.fixture(scope="session")
def digits():
    """Return 200 digits as flat rows, and their labels."""
    X, y = load_digits(return_X_y=True)
    return X[:200], y[:200]


@pytest.fixture(scope="session")
def fitted(digits):
    """Return a function that gives a classifier of digits, fitted once per fusion."""
    known = {}

    def fit(fusion):
        if fusion not in known:
            known[fusion] = MultiGranularityClassifier(
                backbone=ConvNetBackbone(widths=(8, 16)),
                fusion=fusion,
                max_epochs=6,
                batch_size=16,
                lr=0.02,
                augment=None,
                random_state=0,
            ).fit(*digits)
        return known[fusion]

    return fit


@pytest.fixture
def network_calls(monkeypatch):
    """Return a list to which each image that a backbone looks at adds one."""
    from skmultigran._pyramid import ImagePyramid

    seen = []
    forward = ImagePyramid.forward

    def counted(self, images):
        seen.extend(torch.ones(len(images)).tolist())
        return forward(self, images)

    monkeypatch.setattr(ImagePyramid, "forward", counted)
    return seen


@pytest.fixture
def pyplot():
    """Return pyplot, drawing into memory; its figures are closed after the test."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")
