"""Running statistics of batch norms: held, and estimated anew."""

import numpy as np
import pytest
import torch
from torch import nn

from skmultigran.images import ArrayImages, ImageShape, ImageSource, ValueRange
from skmultigran.training import estimate_norm_statistics
from skmultigran.training._norm_statistics import norm_statistics_held


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(2)

    def forward(self, images):
        return self.norm(images)


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(size=(300, 4, 4, 2))


def source_of(images):
    return ImageSource(
        ArrayImages(images, ImageShape(4, 4, 2)), ValueRange.learn(images), (4, 4)
    )


def test_statistics_are_those_of_the_images(images):
    module = Normed()
    module.norm.running_mean.fill_(7.0)
    estimate_norm_statistics(module, source_of(images), batch_size=50, device="cpu")
    expected = images.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(module.norm.running_mean, expected, rtol=1e-5)
    expected = images.var(axis=(0, 1, 2))
    np.testing.assert_allclose(module.norm.running_var, expected, rtol=0.01)
    assert module.norm.momentum == 0.1
    assert not any(part.training for part in module.modules())


def test_order_by_class_does_not_matter(images):
    """The variance within batches of sorted images would be far too small."""
    images = images * 0.1
    images[150:] += 0.8
    module = Normed()
    estimate_norm_statistics(module, source_of(images), batch_size=50, device="cpu")
    expected = images.var(axis=(0, 1, 2))
    np.testing.assert_allclose(module.norm.running_var, expected, rtol=0.05)


def test_a_single_image_says_nothing_about_statistics(images):
    module = Normed()
    estimate_norm_statistics(module, source_of(images[:1]), batch_size=8, device="cpu")
    assert module.norm.running_mean.tolist() == [0.0, 0.0]


def test_weights_stay(images):
    module = nn.Sequential(nn.Conv2d(2, 2, 3), Normed())
    before = [p.clone() for p in module.parameters()]
    estimate_norm_statistics(module, source_of(images), batch_size=50, device="cpu")
    after = list(module.parameters())
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))


def test_held_statistics_do_not_move():
    module = Normed().train()
    with norm_statistics_held(module):
        output = module(torch.full((1, 2, 1, 1), 5.0))
    assert module.norm.running_mean.tolist() == [0.0, 0.0]
    torch.testing.assert_close(output, torch.full((1, 2, 1, 1), 5.0), rtol=1e-4, atol=0)
    assert module.norm.training
