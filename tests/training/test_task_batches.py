"""Masks in rows of targets move with the images; other targets stay."""

import numpy as np
import torch

from skmultigran.images import (
    ArrayImages,
    ImageShape,
    ImageSource,
    JointAugmentation,
    ValueRange,
)
from skmultigran.training import MaskLayers, TaskBatches


def batches(augment, targets, images):
    rows = images.reshape(len(images), -1)
    source = ImageSource(
        ArrayImages(rows, ImageShape(4, 6, 1)),
        ValueRange(0.0, 1.0, False),
        (4, 6),
        "letterbox",
        np.arange(len(images)),
    )
    return TaskBatches(
        source,
        targets,
        np.ones(len(images), dtype=np.float32),
        mask_columns=[slice(1, 25), slice(26, 50)],
        batch_size=4,
        augmentation=JointAugmentation(augment, (4, 6), MaskLayers()),
        generator=torch.Generator().manual_seed(0),
    )


def test_masks_move_with_images():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 2, size=(8, 4, 6)).astype(np.float32)
    flat = images.reshape(8, 24)
    numbers = np.arange(16, dtype=np.float32).reshape(8, 2)
    unknown = flat.copy()
    unknown[::2] = np.nan
    targets = np.hstack([numbers[:, :1], flat, numbers[:, 1:], unknown])
    before = targets.copy()
    flipped = 0
    for batch, (got, _) in batches("flip", targets, images):
        seen = batch.flatten(1)
        torch.testing.assert_close(got[:, 1:25], seen)
        number = got[:, 0].long() // 2
        known = number % 2 == 1
        torch.testing.assert_close(got[known, 26:], seen[known])
        assert got[~known, 26:].isnan().all()
        torch.testing.assert_close(got[:, 25], got[:, 0] + 1)
        moved = (seen - torch.from_numpy(flat)[number]).abs() > 0.5
        flipped += int(moved.any(dim=1).sum())
    assert 0 < flipped < 8
    np.testing.assert_array_equal(targets, before)
