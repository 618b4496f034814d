"""What each way to enhance does, against known answers."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from skmultigran import ImageEnhancer

METHODS = ("contrast", "equalize", "clahe", "gamma", "unsharp")
each_method = pytest.mark.parametrize("method", METHODS)
LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def dull():
    """A photograph in faint colours, floats in [0.3, 0.6]."""
    return 0.3 + 0.3 * data.astronaut()[:128:2, 150:300:2] / 255


def enhanced(image, **parameters):
    return ImageEnhancer(**parameters).fit_transform([image])[0]


@each_method
def test_amount_zero_leaves_the_image(dull, method):
    found = enhanced(dull, method=method, amount=0)
    np.testing.assert_array_equal(found, dull)


@each_method
def test_amount_mixes(dull, method):
    steps = [
        np.abs(enhanced(dull, method=method, amount=amount) - dull).mean()
        for amount in (0, 0.25, 0.5, 1)
    ]
    assert steps == sorted(steps)
    assert len(set(steps)) == 4


@pytest.mark.parametrize("method", ["contrast", "equalize", "clahe", "unsharp"])
def test_contrast_grows(dull, method):
    assert (enhanced(dull, method=method) @ LUMA).std() > 1.02 * (dull @ LUMA).std()


@pytest.mark.parametrize("method", ["equalize", "clahe", "unsharp"])
def test_colour_differences_stay(dull, method):
    found = enhanced(dull, method=method, amount=0.3)
    inside = (found > 0).all(axis=2) & (found < 1).all(axis=2)
    assert inside.mean() > 0.5
    np.testing.assert_allclose(
        np.diff(found, axis=2)[inside], np.diff(dull, axis=2)[inside], atol=1e-9
    )


@pytest.mark.parametrize("method", ["contrast", "equalize", "clahe", "unsharp"])
def test_grey_in_colours_stays_grey(dull, method):
    grey = dull @ LUMA
    found = enhanced(np.stack([grey] * 3, axis=2), method=method)
    assert np.ptp(found, axis=2).max() < 1e-9
    np.testing.assert_allclose(found[..., 0], enhanced(grey, method=method), atol=1e-4)


@each_method
def test_other_channels_are_changed_one_by_one(dull, method):
    image = np.concatenate([dull, dull[..., :2] ** 2], axis=2)
    found = enhanced(image, method=method)
    for k in range(5):
        np.testing.assert_allclose(
            found[..., k], enhanced(image[..., k], method=method), atol=1e-12
        )


@pytest.mark.parametrize("method", ["contrast", "equalize", "clahe", "unsharp"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_one_value_stays(method, channels):
    image = np.full((9, 8, channels), 77, dtype=np.uint8)
    np.testing.assert_array_equal(enhanced(image, method=method), image)


@each_method
def test_values_stay_within_their_range(method):
    image = np.random.default_rng(0).normal(5, 3, (16, 15, 3))
    found = enhanced(image, method=method, amount=3)
    assert found.min() >= image.min()
    assert found.max() <= image.max()


def test_contrast_puts_percentiles_at_the_ends():
    image = np.random.default_rng(0).uniform(0.4, 0.6, (50, 50))
    low, high = np.percentile(image, (2, 98))
    expected = np.clip((image - low) / (high - low), 0, 1)
    np.testing.assert_allclose(enhanced(image), expected, atol=1e-9)


def test_equalize_gives_every_brightness_its_share():
    image = np.random.default_rng(0).beta(2, 8, (64, 64))
    found = enhanced(image, method="equalize")
    counts, _ = np.histogram(found, bins=8, range=(0, 1))
    np.testing.assert_allclose(counts / found.size, 1 / 8, atol=0.03)
    order = np.argsort(image, axis=None)
    assert (np.diff(found.ravel()[order]) >= 0).all()


def test_equalize_leaves_a_black_ground_black():
    image = np.zeros((20, 20), dtype=np.uint8)
    image[5:9, 5:9] = np.arange(16).reshape(4, 4) + 10
    found = enhanced(image, method="equalize")
    assert (found[image == 0] == 0).all()
    assert found.max() == 255


def test_clahe_lifts_a_dark_part_beside_a_bright_one():
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 0.1, (64, 64))
    image[:, 32:] += 0.85
    found = enhanced(image, method="clahe")
    assert found[:, :24].std() > 2 * image[:, :24].std()


@pytest.mark.parametrize(("amount", "power"), [(1, 0.5), (-1, 2), (2, 0.25)])
def test_gamma_is_a_power(amount, power):
    image = np.linspace(0, 1, 60).reshape(6, 10)
    found = enhanced(image, method="gamma", amount=amount)
    np.testing.assert_allclose(found, image**power, atol=1e-12)


def test_unsharp_adds_what_a_blur_takes():
    image = np.random.default_rng(0).uniform(0.4, 0.6, (20, 18))
    blurred = ndimage.gaussian_filter(image, 1, mode="nearest")
    found = enhanced(image, method="unsharp", amount=0.7)
    np.testing.assert_allclose(found, image + 0.7 * (image - blurred), atol=1e-9)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"gamma"}))
def test_only_gamma_takes_less_than_zero(method):
    message = f"amount=-0.5 with method='{method}'.*Only method='gamma'"
    with pytest.raises(ValueError, match=message):
        enhanced(np.eye(4), method=method, amount=-0.5)
