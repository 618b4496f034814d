"""Grey, RGB and RGBA made one number of channels."""

import numpy as np
import pytest

from skmultigran.images import open_images, with_channels
from skmultigran.images._channels import can_convert, common_channels

Image = pytest.importorskip("PIL.Image")

GENERATOR = np.random.default_rng(0)
RGB = GENERATOR.integers(0, 256, (6, 7, 3), dtype=np.uint8)
RGBA = GENERATOR.integers(0, 256, (6, 7, 4), dtype=np.uint8)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([1, 1], 1), ([1, 3], 3), ([4, 1], 3), ([4, 4], 4), ([3, 4, 1], 3), ([5, 5], 5)],
)
def test_common_channels(counts, expected):
    assert common_channels(dict(enumerate(counts)), "Me") == expected


def test_other_mixtures_are_refused_with_two_rows():
    match = r"Me got images of 5 channels \(row 2\) and of 3 \(row 0\)\. Only grey"
    with pytest.raises(ValueError, match=match):
        common_channels({0: 3, 1: 3, 2: 5}, "Me")


@pytest.mark.parametrize("found", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("wanted", [1, 2, 3, 4, 5])
def test_grey_rgb_and_rgba_become_grey_or_rgb_and_nothing_else_does(found, wanted):
    possible = found == wanted or (found in (1, 3, 4) and wanted in (1, 3))
    assert can_convert(found, wanted) == possible


def test_the_right_number_changes_nothing():
    assert with_channels(RGB, 3) is RGB


def test_grey_is_repeated():
    colour = with_channels(RGB[:, :, :1], 3)
    assert all((colour[:, :, k] == RGB[:, :, 0]).all() for k in range(3))


def test_luminance_is_that_of_pillow_but_for_rounding():
    expected = np.asarray(Image.fromarray(RGB).convert("L"), dtype=int)
    grey = with_channels(RGB, 1)
    assert grey.dtype == np.uint8
    assert np.abs(grey[:, :, 0] - expected).max() <= 1


def test_transparency_on_white_is_that_of_pillow_but_for_rounding():
    white = Image.new("RGBA", (7, 6), "white")
    expected = Image.alpha_composite(white, Image.fromarray(RGBA)).convert("RGB")
    laid = with_channels(RGBA, 3)
    assert laid.dtype == np.uint8
    assert np.abs(laid.astype(int) - np.asarray(expected, dtype=int)).max() <= 1


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        (np.uint16, 257),
        (np.float32, 1 / 255),
        (np.float64, 1),
        (np.float32, 257),
        (np.int64, 1),
        (np.int32, 257),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_types_and_units_do_not_matter(dtype, scale, channels):
    bright = RGBA.copy()
    bright[0, 0] = 255
    expected = with_channels(bright, channels).astype(float)
    given = (bright * np.float64(scale)).astype(dtype)
    converted = with_channels(given, channels)
    assert converted.dtype == dtype
    np.testing.assert_allclose(converted / scale, expected, atol=1.5)


def test_booleans_stay_booleans():
    seen = with_channels(np.array([[[True, True, False, True]]]), 3)
    assert seen.tolist() == [[[True, True, False]]]
    assert seen.dtype == bool


def test_a_list_of_grey_and_colour_becomes_colour():
    images = open_images([RGB, RGB[:4, :, 0], RGBA], owner="Me")
    assert images.channels == 3
    assert [images.read(row).shape for row in range(3)] == [
        *[(6, 7, 3), (4, 7, 3), (6, 7, 3)]
    ]


def test_images_follow_the_channels_of_a_model():
    images = open_images([RGB, RGB[:4, :, 0]], owner="Me")
    grey = images.with_channels(1, "Me")
    assert grey.read(0).shape == (6, 7, 1)
    np.testing.assert_array_equal(grey.read(1)[:, :, 0], RGB[:4, :, 0])
    assert images.channels == 3
    with pytest.raises(ValueError, match="3 channels, but Me was fitted on.*with 4"):
        images.with_channels(4, "Me")
