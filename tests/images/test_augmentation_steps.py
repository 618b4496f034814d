"""Crop, color and erase do what they say, with the draws that they say."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as torchvision_functional

from skmultigran.images import Augmentation


def augmented(augment, images, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Augmentation(augment, images.shape[-2:])(images, generator)


# ------------------------------------------------------------------------------- crop


def slope_and_edges(values):
    """Return slope, first and last edge of `(B, n)` positions that were read.

    Positions beyond the outermost pixels were read at these, so that the two at each
    end are left out.
    """
    n = values.shape[1]
    steps = values.diff(dim=1)[:, 2:-2]
    slope = steps.mean(dim=1)
    torch.testing.assert_close(
        steps, slope[:, None].expand_as(steps), rtol=0, atol=2e-4
    )
    middle = values[:, n // 2]
    return slope, middle - slope * (n // 2 + 0.5), middle + slope * (n - n // 2 - 0.5)


@pytest.mark.parametrize("size", [(40, 40), (30, 60), (60, 30)])
def test_crop_enlarges_a_part_as_documented(size):
    """On a ramp every pixel says where it was read from."""
    height, width = size
    rows = torch.arange(float(height))[:, None].expand(size)
    columns = torch.arange(float(width))[None, :].expand(size)
    found = augmented("crop", torch.stack([rows, columns]).expand(500, 2, *size))

    assert (found[:, 0].std(dim=2) < 1e-3).all()  # no turn: a row stays one
    assert (found[:, 1].std(dim=1) < 1e-3).all()
    tall, top, bottom = slope_and_edges(found[:, 0, :, 0])
    wide, left, right = slope_and_edges(found[:, 1, 0])
    area, aspect = tall * wide, wide / tall
    assert 0.599 < area.min() < 0.65
    assert 0.95 < area.max() < 1.001
    assert 0.749 < aspect.min() < 0.8
    assert 1.25 < aspect.max() < 1.334
    for first, last, n in ((top, bottom, height), (left, right, width)):
        assert -0.51 < first.min() < -0.4
        assert n - 0.6 < last.max() < n - 0.49
        assert (first + last - (n - 1)).mean().abs() < 0.02 * n  # at either side alike


def test_crop_of_a_line_stays_on_it():
    line = torch.linspace(0, 1, 64).expand(20, 1, 1, 64)
    found = augmented("crop", line)
    assert (found.diff(dim=3) >= -1e-6).all()
    assert not torch.equal(found, line)


# ------------------------------------------------------------------------------ color


def factors(n, seed=0):
    draws = torch.rand(3, n, generator=torch.Generator().manual_seed(seed))
    return (0.7 + 0.6 * draws).tolist()


@pytest.mark.parametrize("channels", [1, 3])
def test_color_equals_adjustments_of_torchvision(channels):
    images = torch.rand(12, channels, 9, 7)
    brightness, contrast, saturation = factors(12)
    expected = []
    for i, image in enumerate(images):
        changed = torchvision_functional.adjust_brightness(image, brightness[i])
        changed = torchvision_functional.adjust_contrast(changed, contrast[i])
        if channels == 3:
            changed = torchvision_functional.adjust_saturation(changed, saturation[i])
        expected.append(changed)
    torch.testing.assert_close(
        augmented("color", images), torch.stack(expected), rtol=0, atol=2e-4
    )


def test_saturation_does_nothing_to_grey():
    grey = torch.rand(20, 1, 8, 8)
    expected = augmented("color", grey).expand(-1, 3, -1, -1)
    torch.testing.assert_close(
        augmented("color", grey.expand(-1, 3, -1, -1)), expected, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("channels", [2, 4])
def test_channels_that_are_not_colors_keep_their_order(channels):
    images = torch.rand(10, channels, 8, 8)
    swapped = augmented("color", images.flip(1)).flip(1)
    torch.testing.assert_close(augmented("color", images), swapped, rtol=0, atol=1e-6)


def test_color_keeps_the_range_of_images_beyond_zero_and_one():
    images = 4 * torch.rand(200, 3, 8, 8) - 1
    found = augmented("color", images)
    pixels = (1, 2, 3)
    assert (found.amin(dim=pixels) >= images.amin(dim=pixels)).all()
    assert (found.amax(dim=pixels) <= images.amax(dim=pixels)).all()
    assert found.amax() > 2.5  # not cut at 1


# ------------------------------------------------------------------------------ erase


def borders_of(images):
    inside = torch.zeros(images.shape[-2:], dtype=torch.bool)
    inside[1:-1, 1:-1] = True
    return images[:, :, ~inside]


@pytest.fixture(scope="module")
def erased():
    """Return 2000 images, the same erased, and which pixels are hidden `(B, H, W)`."""
    images = torch.rand(2000, 3, 40, 30, generator=torch.Generator().manual_seed(7))
    found = augmented("erase", images)
    return images, found, (found != images).any(dim=1)


def test_erase_hides_one_rectangle_of_half_of_the_images(erased):
    images, found, hidden = erased
    rows, columns = hidden.any(dim=2), hidden.any(dim=1)
    assert torch.equal(hidden, rows[:, :, None] & columns[:, None, :])
    for lines in (rows, columns):  # in one piece: it begins once
        begins = lines[:, 1:] & ~lines[:, :-1]
        assert (begins.sum(dim=1) + lines[:, 0] <= 1).all()
    assert 900 < rows.any(dim=1).sum() < 1100
    unhidden = ~hidden[:, None].expand_as(images)
    assert torch.equal(found[unhidden], images[unhidden])


def test_erase_fills_with_the_median_of_the_border(erased):
    images, found, hidden = erased
    border = np.sort(borders_of(images).numpy(), axis=2)
    median = torch.from_numpy(border[:, :, (border.shape[2] - 1) // 2])
    expected = median[:, :, None, None].expand_as(found)
    mask = hidden[:, None].expand_as(found)
    assert torch.equal(found[mask], expected[mask])


def test_erase_has_areas_and_aspects_as_documented(erased):
    hidden = erased[2]
    hidden = hidden[hidden.any(dim=(1, 2))]
    tall = hidden.any(dim=2).sum(dim=1) / 40
    wide = hidden.any(dim=1).sum(dim=1) / 30
    area, aspect = tall * wide, wide / tall
    # A side is rounded to whole pixels.
    assert 0.01 < area.min() < 0.04
    assert 0.35 < area.max() < 0.44
    assert 0.2 < area.mean() < 0.22
    assert 0.25 < aspect.min() < 0.35
    assert 2.8 < aspect.max() < 4.0
    assert 0.45 < (aspect < 1).float().mean() < 0.55


def test_erase_reaches_every_pixel(erased):
    share = erased[2].float().mean(dim=0)
    assert share.min() > 0
    torch.testing.assert_close(share, share.flip(0), rtol=0, atol=0.06)
    torch.testing.assert_close(share, share.flip(1), rtol=0, atol=0.06)
