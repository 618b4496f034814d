"""Small images, networks and nets that learn in milliseconds."""

import numpy as np
import pytest
import torch
from torch import nn

from skmultigran import Training
from skmultigran.images import (
    ArrayImages,
    Augmentation,
    ImageShape,
    ImageSource,
    ValueRange,
)
from skmultigran.tasks import ClassificationTask
from skmultigran.training import TrainingBatches, build_net

TASK = ClassificationTask(np.arange(2))


def make_source(images):
    shape = ImageShape(*(*images.shape[1:], 1)[:3])
    return ImageSource(
        ArrayImages(images, shape), ValueRange(0.0, 1.0, by_dtype=True), shape.size
    )


@pytest.fixture
def source_of():
    """Wrap an array of images with values in [0, 1]."""
    return make_source


@pytest.fixture
def numbered():
    """Return a source whose image i is filled with i / 1000."""

    def build(n):
        numbers = np.arange(n, dtype=np.float32)[:, None, None] / 1000
        return make_source(np.broadcast_to(numbers, (n, 3, 3)).copy())

    return build


@pytest.fixture
def batches_of():
    """Return batches over a source."""

    def build(
        source, targets=None, weights=None, *, batch_size=8, seed=0, augment=None
    ):
        n = len(source)
        return TrainingBatches(
            source,
            np.arange(n) if targets is None else targets,
            np.ones(n, dtype=np.float32) if weights is None else weights,
            batch_size=batch_size,
            augmentation=Augmentation(augment, source.image_size),
            generator=torch.Generator().manual_seed(seed),
        )

    return build


@pytest.fixture
def problem():
    """Return 24 images, and whether their left or their right half is bright."""
    rng = np.random.default_rng(0)
    targets = np.arange(24) % 2
    images = rng.uniform(0, 0.3, (24, 4, 4)).astype(np.float32)
    images[targets == 0, :, :2] += 0.7
    images[targets == 1, :, 2:] += 0.7
    return make_source(images), targets


@pytest.fixture
def net_of():
    """Return a net around a module, by default a linear one."""

    def build(module=None, *, lr=0.01, total_steps=0, schedule="constant"):
        torch.manual_seed(0)
        training = Training(schedule=schedule)
        return build_net(
            module or nn.Sequential(nn.Flatten(), nn.Linear(16, 2)),
            TASK.loss,
            optimizer=training.build_optimizer,
            lr=lr,
            lr_factor=training.lr_factor,
            total_steps=total_steps,
            device="cpu",
        )

    return build
