import numpy as np
import pytest

from skmultigran.backbones._wavelets import (
    gaussian_average,
    morlet,
    morlet_bank,
    padded_length,
    symmetric_indices,
)


def spatial_morlet(size, scale, orientation, slant):
    """Sample the wavelet's formula at the pixels, summed over the grid's periods."""
    reach = np.arange(-2 * size, 3 * size)
    y, x = reach[:, None], reach[None, :]
    along = y * np.sin(orientation) + x * np.cos(orientation)
    across = y * np.cos(orientation) - x * np.sin(orientation)
    sigma, frequency = 0.8 * 2**scale, 0.75 * np.pi / 2**scale
    envelope = np.exp(-(along**2 + (slant * across) ** 2) / (2 * sigma**2))
    envelope *= slant / (2 * np.pi * sigma**2)
    oscillation = np.exp(1j * frequency * along)
    wavelet = envelope * (oscillation - (envelope * oscillation).sum() / envelope.sum())
    return wavelet.reshape(5, size, 5, size).sum(axis=(0, 2))


def full_transform(wavelet, shape):
    """Put the kept frequencies of a wavelet back among all frequencies."""
    full = np.zeros(shape)
    rows, columns = (
        np.fft.fftfreq(n, 1 / n).astype(int) % whole
        for n, whole in zip(wavelet.shape, shape, strict=True)
    )
    full[np.ix_(rows, columns)] = wavelet
    return full


@pytest.mark.parametrize("orientation", [0.0, 0.4, np.pi / 2, 3.0])
@pytest.mark.parametrize(
    ("scale", "error"), [(0, 1e-5), (1, 1e-5), (2, 0.02), (3, 0.02)]
)
def test_morlet_is_the_transform_of_its_formula(scale, error, orientation):
    got = full_transform(morlet((48, 48), scale, orientation, 0.5), (48, 48))
    expected = np.fft.fft2(spatial_morlet(48, scale, orientation, 0.5))
    assert np.abs(got - expected).max() < error


@pytest.mark.parametrize("orientation", [0.2, 1.4, 3.0])
def test_coarse_wavelets_are_cut_symmetrically(orientation):
    wavelet = morlet((64, 32), 3, orientation, 0.5)
    assert wavelet.shape == (16, 8)
    # The last positive frequency is 7 and 3, so the last negative one must be as well.
    assert not wavelet[8].any()
    assert not wavelet[:, 4].any()


@pytest.mark.parametrize("n_orientations", [1, 2, 4, 8, 12])
@pytest.mark.parametrize("shape", [(16, 16), (16, 40), (24, 24)])
def test_wavelets_have_zero_mean(shape, n_orientations):
    for wavelets in morlet_bank(shape, 3, n_orientations):
        assert np.all(np.abs(wavelets[:, 0, 0]) < 1e-12)
        assert np.all(wavelets.max(axis=(1, 2)) > 0.1)


@pytest.mark.parametrize("n_orientations", [4, 6, 8, 12])
@pytest.mark.parametrize("n_scales", [1, 2, 3, 4])
def test_filters_cover_the_band_without_amplifying(n_scales, n_orientations):
    size = 64
    frequencies = 2 * np.pi * np.fft.fftfreq(size)
    radius = np.hypot(frequencies[:, None], frequencies[None, :])
    power = np.exp(-((0.4 * 2**n_scales * radius) ** 2))
    for wavelets in morlet_bank((size, size), n_scales, n_orientations):
        for wavelet in wavelets:
            square = full_transform(wavelet, (size, size)) ** 2
            mirrored = np.roll(square[::-1, ::-1], 1, axis=(0, 1))
            power += (square + mirrored) / 2
    assert power.max() < 1.1
    assert power[radius < 0.8 * np.pi].min() > 0.5


def test_orientations_turn_with_the_image():
    for wavelets in morlet_bank((32, 32), 3, 8):
        # A quarter turn takes (row, column) frequencies to (column, -row).
        turned = np.roll(wavelets[:4].transpose(0, 2, 1)[:, :, ::-1], 1, axis=2)
        np.testing.assert_allclose(wavelets[4:], turned, atol=1e-6)


@pytest.mark.parametrize("length", [1, 7, 28])
@pytest.mark.parametrize(
    ("stride", "spacing"), [(2, 1), (4, 1), (4, 2), (8, 1), (8, 4)]
)
def test_averages_weigh_one_and_stand_inside_the_image(length, stride, spacing):
    padded = padded_length(length, 3)
    weights = gaussian_average(length, padded, spacing, stride)
    positions = np.arange(0, padded, spacing) - (padded - length) // 2
    assert weights.shape == (-(-length // stride), padded // spacing)
    assert np.all(weights >= 0)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    centres = weights @ positions
    # Symmetric about the image's centre, up to what the ends of the padding cut off.
    np.testing.assert_allclose(centres + centres[::-1], length - 1, atol=stride / 10)
    np.testing.assert_allclose(np.diff(centres), stride, atol=stride / 10)


@pytest.mark.parametrize("length", [1, 2, 5, 28, 31, 224])
@pytest.mark.parametrize("n_scales", [1, 2, 4])
def test_padding_suits_every_scale(length, n_scales):
    padded = padded_length(length, n_scales)
    assert padded % 2 ** (n_scales - 1) == 0
    assert padded >= length + 2 * 2 ** (n_scales - 1)


@pytest.mark.parametrize(("length", "padded"), [(1, 6), (2, 9), (5, 8), (28, 40)])
def test_mirroring_is_that_of_numpy(length, padded):
    before = (padded - length) // 2
    expected = np.pad(
        np.arange(length), (before, padded - length - before), mode="symmetric"
    )
    np.testing.assert_array_equal(symmetric_indices(length, padded), expected)


def test_numbers_too_small_to_tell_from_zero_are_no_error():
    with np.errstate(all="raise"):
        assert np.isfinite(morlet((64, 64), 0, 0.4, 0.5)).all()
        assert np.isfinite(gaussian_average(64, 128, 1, 2)).all()
