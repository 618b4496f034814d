"""The foreground of scenes whose object is known, and each rule by itself."""

import numpy as np
import pytest

from skmultigran import ForegroundSegmenter

N = 64
ROWS, COLUMNS = np.mgrid[:N, :N]
DISC = (ROWS - 29) ** 2 + (COLUMNS - 35) ** 2 <= 13**2
THRESHOLDS = ("otsu", "li", "adaptive")
REGIONS = ("felzenszwalb", "slic")


def overlap(found, expected):
    return (found & expected).sum() / (found | expected).sum()


def painted(mask, inside, outside, noise=0.0):
    """Return an image of floats in [0, 1] with two colours and noise."""
    scene = np.where(mask[..., None], inside, outside)
    noisy = scene + np.random.default_rng(0).normal(0, noise, scene.shape)
    return np.clip(noisy, 0, 1)


def found_in(image, **parameters):
    return ForegroundSegmenter(output="mask", **parameters).fit_transform([image])[0]


@pytest.mark.parametrize("noise", [0, 0.05])
@pytest.mark.parametrize(("inside", "outside"), [(0.8, 0.2), (0.2, 0.8)])
@pytest.mark.parametrize("method", [*THRESHOLDS, *REGIONS])
def test_object_on_plain_ground(method, inside, outside, noise):
    found = found_in(painted(DISC, [inside], [outside], noise), method=method)
    assert overlap(found, DISC) > (0.95 if noise else 0.999)


@pytest.mark.parametrize("method", [*THRESHOLDS, *REGIONS])
def test_faint_object_is_found_as_well(method):
    assert overlap(found_in(painted(DISC, [0.52], [0.5]), method=method), DISC) > 0.999


@pytest.mark.parametrize("method", REGIONS)
def test_regions_tell_colours_of_one_brightness_apart(method):
    # Luminance 0.409 and 0.404: no threshold parts them under this noise.
    image = painted(DISC, [0.9, 0.2, 0.2], [0.1, 0.45, 0.97], noise=0.02)
    assert overlap(found_in(image, method=method), DISC) > 0.9
    assert overlap(found_in(image, method="otsu"), DISC) < 0.5


@pytest.mark.parametrize("method", REGIONS)
def test_ground_of_two_parts(method):
    ground = np.where(ROWS[..., None] < N // 2, [0.5, 0.7, 1.0], [0.2, 0.6, 0.2])
    image = painted(DISC, [0.8, 0.1, 0.1], ground)
    assert overlap(found_in(image, method=method), DISC) > 0.999


@pytest.mark.parametrize("method", ["adaptive", "slic"])
def test_uneven_light(method):
    image = np.where(DISC, 0.4, 0.0) + np.linspace(0.1, 0.6, N)[:, None]
    assert overlap(found_in(image, method=method), DISC) > 0.95
    assert overlap(found_in(image, method="otsu"), DISC) < 0.5


@pytest.mark.parametrize("method", [*THRESHOLDS, *REGIONS])
def test_object_that_touches_the_border(method):
    at_the_edge = (ROWS - N) ** 2 + (COLUMNS - 32) ** 2 <= 9**2
    found = found_in(painted(at_the_edge, [0.8], [0.2]), method=method)
    assert overlap(found, at_the_edge) > 0.999


@pytest.mark.parametrize("method", [*THRESHOLDS, *REGIONS])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_nothing_found_is_the_whole_image(method, channels):
    assert found_in(np.full((9, 7, channels), 0.3), method=method).all()


@pytest.mark.parametrize("method", [*THRESHOLDS, *REGIONS])
def test_scale_of_the_values_does_not_matter(method):
    image = painted(DISC, [0.7], [0.3], noise=0.03)
    expected = found_in(image, method=method)
    other_units = found_in(1000 * image - 300, method=method)
    assert overlap(other_units, expected) > 0.99


@pytest.mark.parametrize("method", [*THRESHOLDS, *REGIONS])
def test_mirrored_scene_gives_the_mirrored_mask(method):
    image = painted(DISC, [0.8], [0.2])
    mirrored = found_in(image[:, ::-1], method=method)
    np.testing.assert_array_equal(mirrored, found_in(image, method=method)[:, ::-1])


@pytest.mark.parametrize("method", REGIONS)
def test_regions_of_five_channels(method):
    image = painted(DISC, [0.2, 0.9, 0.4, 0.4, 0.1], [0.2, 0.1, 0.4, 0.4, 0.8])
    assert overlap(found_in(image, method=method), DISC) > 0.999


def test_foreground_can_be_told():
    image = painted(DISC, [0.8], [0.2])
    assert (found_in(image, foreground="bright") == DISC).all()
    assert (found_in(image, foreground="dark") == ~DISC).all()


def test_small_specks_are_dropped():
    image = painted(DISC, [0.8], [0.2])
    image[2, 2] = image[60, 5:7] = 0.8
    assert (found_in(image) == DISC).all()
    assert (found_in(image, min_area=2 / N**2) == DISC).sum() == N * N - 2
    assert (found_in(image, min_area=0) == DISC).sum() == N * N - 3


def test_otsu_equals_the_exhaustive_search(seed):
    levels = np.random.default_rng(seed).normal([60, 150], [12, 25], (300, 2))
    grey = np.clip(levels, 0, 255).astype(np.uint8).reshape(20, 30)
    values = grey.astype(float)

    def variance_within(threshold):
        sides = values[grey <= threshold], values[grey > threshold]
        return sum(side.size * side.var() for side in sides if side.size)

    best = min(range(255), key=variance_within)
    found = found_in(grey, foreground="bright", min_area=0)
    assert variance_within(grey[~found].max()) == pytest.approx(
        variance_within(best), rel=1e-3
    )


# --------------------------------------------------------------------------- outputs


def test_crop_is_the_box_with_its_margin():
    mask = np.zeros((20, 30), dtype=bool)
    mask[8:12, 10:20] = True
    image = np.where(mask, 200, 50).astype(np.uint8)
    for margin, rows, columns in [
        (0, slice(8, 12), slice(10, 20)),
        (0.2, slice(6, 14), slice(8, 22)),
        (1.5, slice(0, 20), slice(0, 30)),
    ]:
        segmenter = ForegroundSegmenter(output="crop", margin=margin)
        crop = segmenter.fit_transform([image])[0]
        np.testing.assert_array_equal(crop, image[rows, columns])


def test_crops_of_different_objects_are_a_column():
    images = np.zeros((2, 12, 12), dtype=np.uint8)
    images[0, 3:5, 3:7] = 9
    images[1, 3:9, 3:7] = 9
    crops = ForegroundSegmenter(output="crop").fit_transform(images)
    assert [crop.shape for crop in crops] == [(2, 4), (6, 4)]


@pytest.mark.parametrize(("dtype", "fill"), [(np.uint8, 255), (np.float32, -0.1)])
def test_masked_puts_fill_on_the_ground(dtype, fill):
    image = painted(DISC, [0.8, 0.7, 0.9], [0.2, 0.1, 0.3])
    image = (255 * image if dtype == np.uint8 else image).astype(dtype)
    masked = ForegroundSegmenter(fill=fill).fit_transform([image])[0]
    np.testing.assert_array_equal(masked[DISC], image[DISC])
    assert (masked[~DISC] == dtype(fill)).all()
    assert masked.dtype == dtype


@pytest.mark.parametrize(("dtype", "fill"), [(np.uint8, 300), (np.int16, 0.5)])
def test_fill_that_the_type_cannot_hold(dtype, fill):
    with pytest.raises(ValueError, match=rf"fill={fill}, which .* {np.dtype(dtype)}"):
        ForegroundSegmenter(fill=fill).fit_transform(np.eye(5, dtype=dtype)[None])
