"""Narrow strided 1 x 1 convolutions run without their stride, and give the same."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from skmultigran.training._folding import held_norms_folded
from skmultigran.training._strided import strides_taken_first


def outcome(module, images):
    """Return output and gradients of a module."""
    module.zero_grad()
    images = images.clone().requires_grad_()
    output = module(images)
    output.square().sum().backward()
    return [output, images.grad, *(p.grad for p in module.parameters())]


@pytest.mark.parametrize("stride", [2, 3, (1, 2)])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("size", [(8, 8), (7, 5), (1, 9)])
def test_output_and_gradients_are_those_of_the_convolution(stride, groups, size):
    # In float64, for which the processor's own ways are not taken.
    module = nn.Conv2d(4, 6, 1, stride, groups=groups).double()
    images = torch.rand(3, 4, *size, dtype=torch.float64)
    expected = outcome(module, images)
    with strides_taken_first(module):
        assert "forward" in vars(module)
        for found, wanted in zip(outcome(module, images), expected, strict=True):
            torch.testing.assert_close(found, wanted)
    assert "forward" not in vars(module)


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(4, 6, 1),
        nn.Conv2d(4, 6, 3, stride=2),
        nn.Conv2d(4, 6, 1, stride=2, padding=1),
        nn.Conv2d(16, 6, 1, stride=2),
    ],
)
def test_others_run_as_they_are(convolution):
    with strides_taken_first(convolution):
        assert "forward" not in vars(convolution)


class Narrow(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, 1, 1, 1))
        self.before = nn.Conv2d(1, 4, 3, padding=1)
        self.shortcut = nn.Sequential(nn.Conv2d(4, 6, 1, stride=2), nn.BatchNorm2d(6))

    def forward(self, images):
        return self.shortcut(self.before(images))


def test_norms_are_folded_into_what_takes_the_stride_first():
    torch.manual_seed(0)
    module = Narrow()
    norm = module.shortcut[1]
    nn.init.uniform_(norm.running_mean)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    norm.train = lambda mode=True: norm  # held
    norm.training = False
    images = torch.rand(2, 1, 8, 8)
    expected = outcome(module, images)
    with strides_taken_first(module), held_norms_folded(module):
        assert isinstance(vars(norm)["forward"], nn.Identity)
        for found, wanted in zip(outcome(module, images), expected, strict=True):
            torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


_FIT = """
import numpy as np
import torch
from torch import nn
from skmultigran import Level, MultiGranularityClassifier
from skmultigran.backbones import Backbone, BackboneRecipe


class Narrow(BackboneRecipe):
    def build(self, in_channels, image_size):
        return _Narrow(in_channels)


class _Narrow(Backbone):
    levels = (Level(8, 2),)

    def __init__(self, in_channels):
        super().__init__()
        self.stages = nn.ModuleList(
            [nn.Conv2d(in_channels, 4, 3, padding=1), nn.Conv2d(4, 8, 1, stride=2)]
        )

    def forward(self, images):
        return [self.stages[1](self.stages[0](images))]


torch.set_num_threads(2)
X = np.random.default_rng(0).random((32, 96, 96, 3))
MultiGranularityClassifier(
    backbone=Narrow(), batch_size=16, max_epochs=4, precision="float32"
).fit(
    X, np.arange(32) % 2
)
"""


def test_a_narrow_network_of_ones_own_does_not_end_the_process():
    # The gradient wrote beyond its memory: no exception, but a crash, mostly.
    result = subprocess.run(
        [sys.executable, "-c", _FIT], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
