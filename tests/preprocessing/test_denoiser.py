"""What each denoiser promises beyond less noise, and the estimate of the noise."""

import sys

import numpy as np
import pytest
from scipy import ndimage
from skimage import data
from skimage.restoration import estimate_sigma

from skmultigran import ImageDenoiser
from skmultigran.preprocessing._noise import estimate_noise

METHODS = (
    "gaussian",
    "median",
    "bilateral",
    "total_variation",
    "non_local_means",
    "wavelet",
)
each_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(scope="module")
def photograph():
    """A part of a photograph as floats in [0, 1]."""
    return data.camera()[100:356:2, 100:356:2] / 255


def noisy(image, deviation):
    noise = np.random.default_rng(0).normal(0, deviation, image.shape)
    return np.clip(image + noise, 0, 1)


def error(image, clean):
    return float(np.sqrt(((image - clean) ** 2).mean()))


@each_method
@pytest.mark.parametrize(("deviation", "left"), [(0.05, 0.92), (0.1, 0.8), (0.2, 0.6)])
@pytest.mark.parametrize("strength", ["given", "auto"])
def test_photographs_come_nearer_to_the_truth(
    photograph, method, deviation, left, strength
):
    image = noisy(photograph, deviation)
    strength = deviation if strength == "given" else strength
    denoiser = ImageDenoiser(method=method, strength=strength)
    denoised = denoiser.fit_transform(image[None])[0]
    assert error(denoised, photograph) < left * error(image, photograph)


@each_method
def test_more_strength_is_smoother(photograph, method):
    images = photograph[None, :48, :48]
    variations = [
        np.abs(np.diff(images_[0])).sum()
        for images_ in (
            images,
            *(
                ImageDenoiser(method=method, strength=strength).fit_transform(images)
                for strength in (0.05, 0.15, 0.5)
            ),
        )
    ]
    assert variations == sorted(variations, reverse=True)
    assert variations[-1] < 0.8 * variations[0]


@each_method
def test_no_strength_leaves_the_image(photograph, method):
    image = photograph[None, :20, :20]
    found = ImageDenoiser(method=method, strength=0).fit_transform(image)
    np.testing.assert_array_equal(found, image)


@each_method
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, bool])
def test_constant_images_stay(method, dtype):
    images = np.full((1, 9, 8, 3), 1, dtype=dtype)
    found = ImageDenoiser(method=method, strength=0.3).fit_transform(images)
    np.testing.assert_allclose(found, images, atol=1e-6)


@each_method
def test_units_of_floats_do_not_matter(photograph, method):
    image = noisy(photograph[:32, :32], 0.1)
    image = (image - image.min()) / np.ptp(image)  # all of [0, 1] is used
    denoiser = ImageDenoiser(method=method, strength=0.1)
    expected = denoiser.fit_transform(image[None])[0]
    other = denoiser.fit_transform(500 * image[None] - 200)[0]
    np.testing.assert_allclose((other + 200) / 500, expected, atol=1e-6)


@each_method
def test_values_stay_within_their_range(method):
    rng = np.random.default_rng(0)
    images = rng.normal(0, 1, (1, 16, 16, 3))
    found = ImageDenoiser(method=method, strength=0.2).fit_transform(images)
    assert found.min() >= images.min()
    assert found.max() <= images.max()


def test_gaussian_equals_scipy():
    image = np.random.default_rng(0).random((20, 17))
    found = ImageDenoiser(strength=0.16).fit_transform(image[None])[0]
    expected = ndimage.gaussian_filter(image, 2.5 * 0.4, mode="nearest")
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_median_equals_scipy_on_a_disc():
    image = np.random.default_rng(0).random((15, 12))
    found = ImageDenoiser(method="median", strength=0.04).fit_transform(image[None])[0]
    cross = ndimage.generate_binary_structure(2, 1)  # radius 1.2
    expected = ndimage.median_filter(image, footprint=cross, mode="nearest")
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_median_removes_single_wrong_pixels():
    image = np.full((1, 12, 12), 100, dtype=np.uint8)
    image[0, 4, 5] = 255
    found = ImageDenoiser(method="median", strength=0.05).fit_transform(image)
    assert (found == 100).all()


@pytest.mark.parametrize("method", ["bilateral", "total_variation", "non_local_means"])
def test_edges_stay_sharper_than_under_a_blur(method):
    step = np.repeat([[0.2] * 16 + [0.8] * 16], 32, axis=0)
    image = noisy(step, 0.08)

    def edge(name):
        denoised = ImageDenoiser(method=name, strength=0.08).fit_transform(image[None])
        return (denoised[0, :, 16] - denoised[0, :, 15]).mean()

    assert edge(method) > 1.2 * edge("gaussian")


# ------------------------------------------------------------------------ the estimate


@pytest.mark.parametrize("deviation", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("channels", [1, 3])
def test_estimate_is_near_the_truth_and_scikit_image(photograph, deviation, channels):
    clean = np.stack([0.25 + photograph / 2] * channels, axis=2)
    image = noisy(clean, deviation)
    found = estimate_noise(image)
    assert found == pytest.approx(deviation, rel=0.25)
    reference = estimate_sigma(image, channel_axis=-1, average_sigmas=True)
    assert found == pytest.approx(reference, rel=0.1)


def test_slopes_and_straight_edges_are_no_noise():
    rows, columns = np.mgrid[:32, :32]
    slope = (0.01 * rows + 0.02 * columns)[..., None]
    edge = (columns > 15).astype(float)[..., None]
    assert estimate_noise(slope) < 1e-3
    assert estimate_noise(edge) < 1e-9


def test_mostly_flat_images_have_no_noise():
    drawing = np.full((1, 20, 20), 255, dtype=np.uint8)
    drawing[0, 5:9, 4:7] = np.arange(12).reshape(4, 3)
    np.testing.assert_array_equal(ImageDenoiser().fit_transform(drawing), drawing)


def test_noise_of_a_line_of_pixels():
    line = np.random.default_rng(0).normal(0.5, 0.05, (1, 4000, 1))
    assert estimate_noise(line) == pytest.approx(0.05, rel=0.1)
    assert estimate_noise(line[:, :1]) == 0


# ---------------------------------------------------------------------- what is needed


def test_wavelet_without_pywavelets_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pywt", None)
    message = r"ImageDenoiser\(method='wavelet'\) needs the package 'pywt'"
    with pytest.raises(ImportError, match=message + r".*skmultigran\[images\]"):
        ImageDenoiser(method="wavelet").fit_transform(np.random.rand(1, 8, 8))
    assert ImageDenoiser().fit_transform(np.random.rand(1, 8, 8)).shape == (1, 8, 8)
