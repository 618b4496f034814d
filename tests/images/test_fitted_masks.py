"""Masks follow their images through every way of resizing, and back."""

import numpy as np
import pytest
import torch

from skmultigran.images import RESIZES, fit_mask, resize_images, unfit_mask

SIZES = [(10, 20), (20, 10), (7, 9), (64, 48), (3, 3)]


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_mask_lies_where_its_image_does(resize, size):
    """Left of an edge the image is dark, and the mask 1; right of it bright and 2."""
    mask = np.ones(size, dtype=int)
    mask[:, size[1] // 2 :] = 2
    image = torch.from_numpy(mask - 1.0)[None, None]
    fitted = fit_mask(mask, (16, 16), resize, -1)
    resized = resize_images(image, (16, 16), resize)[0, 0].numpy()
    assert fitted.shape == (16, 16)
    assert (resized[fitted == 1] < 0.6).all()
    assert (resized[fitted == 2] > 0.4).all()
    np.testing.assert_array_equal(resized[fitted == -1], 0.5)
    assert ((fitted == -1).any()) == (resize == "letterbox" and size[0] != size[1])


@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
@pytest.mark.parametrize("size", SIZES[:3], ids=str)
def test_enlarged_and_back_is_the_same(resize, size):
    mask = np.random.default_rng(0).integers(0, 5, size)
    back = unfit_mask(fit_mask(mask, (64, 96), resize, -1), size, resize)
    np.testing.assert_array_equal(back, mask)


def test_what_was_cut_off_gets_the_border():
    fitted = np.array([[1, 2], [3, 4]])
    assert unfit_mask(fitted, (2, 4), "crop").tolist() == [[1, 1, 2, 2], [3, 3, 4, 4]]


def test_numbers_per_pixel_are_taken_along():
    fitted = np.random.default_rng(0).uniform(size=(4, 4, 3))
    got = unfit_mask(fitted, (8, 8), "stretch")
    np.testing.assert_array_equal(got[::2, 1::2], fitted)


def test_the_right_size_is_left_alone():
    mask = np.zeros((4, 4), dtype=np.int8)
    assert fit_mask(mask, (4, 4), "letterbox", -1) is mask
    assert unfit_mask(mask, (4, 4), "letterbox") is mask
