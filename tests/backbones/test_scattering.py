import copy
import pickle

import numpy as np
import pytest
import torch

from skmultigran import Level, ScatteringBackbone
from skmultigran._registry import BACKBONES
from skmultigran.backbones._wavelets import morlet, padded_length


def smooth_images(n, channels, height, width, seed=0):
    """Return random images with the spectrum of natural ones, values in [0, 1]."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.fft2(rng.standard_normal((n, channels, height, width)))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    images = np.fft.ifft2(spectrum / np.maximum(radius, 1 / max(height, width))).real
    low, high = (f(images, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
    return torch.from_numpy((images - low) / (high - low)).float()


def build(n_scales=3, *, channels=1, size=(28, 28), **parameters):
    return ScatteringBackbone(n_scales=n_scales, **parameters).build(channels, size)


class DefinitionOracle:
    """The transform of one image by its definition, at full resolution, path by path.

    No fast sampling in the Fourier domain, no cache, no matrices: convolutions of whole
    padded maps, then sampling, then weighted sums.
    """

    def __init__(self, image, n_scales, n_orientations):
        self.shape = image.shape
        self.n_scales, self.n_orientations = n_scales, n_orientations
        padded = [padded_length(length, n_scales) for length in image.shape]
        before = [(p - n) // 2 for p, n in zip(padded, image.shape, strict=True)]
        after = [p - n - b for p, n, b in zip(padded, image.shape, before, strict=True)]
        self.padded, self.before = tuple(padded), before
        self.image = np.pad(
            image, list(zip(before, after, strict=True)), mode="symmetric"
        )

    def wavelet(self, scale, orientation, spacing):
        """Return the transform on a grid of neighbours `spacing` pixels apart."""
        kept = morlet(
            self.padded,
            scale,
            np.pi * orientation / self.n_orientations,
            4 / self.n_orientations,
        )
        shape = [length // spacing for length in self.padded]
        full = np.zeros(shape)
        rows, columns = (
            np.fft.fftfreq(n, 1 / n).astype(int) % whole
            for n, whole in zip(kept.shape, shape, strict=True)
        )
        full[np.ix_(rows, columns)] = kept
        return full

    def modulus(self, map_, source, scale, orientation):
        """Filter a map sampled every `source` pixels; keep every `2**scale`-th."""
        wavelet = self.wavelet(scale, orientation, source)
        filtered = np.fft.ifft2(np.fft.fft2(map_) * wavelet)
        step = 2**scale // source
        return np.abs(filtered)[::step, ::step]

    def average(self, map_, spacing, stride):
        counts = [-(-length // stride) for length in self.shape]
        result = np.empty(counts)
        for i in range(counts[0]):
            for j in range(counts[1]):
                weights = [
                    np.exp(
                        -(
                            (
                                np.arange(map_.shape[axis]) * spacing
                                - self.before[axis]
                                - (self.shape[axis] - 1) / 2
                                - (index - (counts[axis] - 1) / 2) * stride
                            )
                            ** 2
                        )
                        / (2 * (0.4 * stride) ** 2)
                    )
                    for axis, index in ((0, i), (1, j))
                ]
                both = np.outer(*weights)
                result[i, j] = (both * map_).sum() / both.sum()
        return result

    def levels(self):
        orientations = range(self.n_orientations)
        maps = [[] for _ in range(self.n_scales)]
        maps[-1].append(self.average(self.image, 1, 2**self.n_scales))
        first = {
            (scale, a): self.modulus(self.image, 1, scale, a)
            for scale in range(self.n_scales)
            for a in orientations
        }
        for (scale, _), moduli in first.items():
            maps[scale].append(self.average(moduli, 2**scale, 2 ** (scale + 1)))
        for (finer, _), moduli in first.items():
            for scale in range(finer + 1, self.n_scales):
                for b in orientations:
                    second = self.modulus(moduli, 2**finer, scale, b)
                    maps[scale].append(self.average(second, 2**scale, 2 ** (scale + 1)))
        return [np.stack(level) for level in maps]


@pytest.mark.parametrize(
    ("size", "n_scales", "n_orientations"),
    [((16, 16), 3, 4), ((9, 14), 2, 8), ((5, 1), 2, 6), ((13, 21), 4, 4)],
)
def test_agrees_with_the_definition(size, n_scales, n_orientations):
    image = smooth_images(1, 1, *size)
    backbone = build(n_scales, size=size, n_orientations=n_orientations)
    oracle = DefinitionOracle(image[0, 0].double().numpy(), n_scales, n_orientations)
    for got, expected in zip(backbone(image), oracle.levels(), strict=True):
        np.testing.assert_allclose(got[0].numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("max_order", [1, 2])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (8, 8), (19, 33)])
def test_maps_are_those_of_the_levels(size, max_order):
    backbone = build(3, channels=2, size=(28, 28), max_order=max_order)
    maps = backbone(torch.rand(3, 2, *size))
    assert [tuple(map_.shape) for map_ in maps] == [
        (3, level.channels, *level.map_size(size)) for level in backbone.levels
    ]


def test_levels_have_one_map_per_path():
    levels = ScatteringBackbone(n_scales=3, n_orientations=4).levels(2, (32, 32))
    # Orders 1, 1 + 2, and 0 + 1 + 2 with two finer scales, for two channels.
    assert levels == (
        Level(2 * 4, 2),
        Level(2 * (4 + 16), 4),
        Level(2 * (1 + 4 + 2 * 16), 8),
    )


def test_order_one_is_a_part_of_order_two():
    images = smooth_images(2, 1, 20, 20)
    for scale, (first, both) in enumerate(
        zip(build(max_order=1)(images), build(max_order=2)(images), strict=True)
    ):
        n_first = 8 + (scale == 2)
        torch.testing.assert_close(first, both[:, :n_first], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("size", "n_levels"),
    [
        ((1, 1), 1),
        ((4, 300), 1),
        ((8, 8), 2),
        ((28, 28), 3),
        ((64, 48), 4),
        ((224, 224), 4),
    ],
)
def test_auto_scales_follow_the_shorter_side(size, n_levels):
    assert len(ScatteringBackbone().levels(1, size)) == n_levels


def test_images_are_taken_as_they_are_and_nothing_is_learned():
    backbone = build()
    assert backbone.normalisation == ((0.0,), (1.0,))
    backbone(torch.rand(1, 1, 28, 28))
    assert list(backbone.parameters()) == []
    assert backbone.state_dict() == {}


def test_name_stands_for_the_recipe():
    assert isinstance(BACKBONES.recipe("scattering"), ScatteringBackbone)


@pytest.mark.parametrize("shift", [1, 2])
def test_coarse_coefficients_hardly_change_when_the_image_shifts(shift):
    images = smooth_images(8, 1, 48, 48)
    # Without the mean, which does not change and would make anything look stable.
    images = images - images.mean(dim=(2, 3), keepdim=True)
    still, moved = images[..., 4:36, 4:36], images[..., 4:36, 4 + shift : 36 + shift]

    def relative_change(a, b):
        return float((a - b).norm() / a.norm())

    backbone = build(4, size=(32, 32))
    coarse = [maps[2:] for maps in (backbone(still), backbone(moved))]
    for n_averages, a, b in zip((0, 1), *coarse, strict=True):
        change = relative_change(a[:, n_averages:], b[:, n_averages:])
        assert change < 0.4 * relative_change(still, moved)


@pytest.mark.parametrize("size", [(32, 32), (31, 45)])
@pytest.mark.parametrize("kind", ["smooth", "noise"])
def test_energy_is_not_amplified(kind, size):
    images = (
        smooth_images(4, 1, *size)
        if kind == "smooth"
        else torch.from_numpy(
            np.random.default_rng(0).normal(size=(4, 1, *size))
        ).float()
    )
    backbone = build(4, size=size)
    energy = sum(
        # One coefficient stands for an area of stride x stride pixels.
        level.stride**2 * map_.square().sum(dim=(1, 2, 3))
        for level, map_ in zip(backbone.levels, backbone(images), strict=True)
    )
    # Maps of sizes that are no multiple of the stride stand for a larger area.
    area = np.prod([-(-n // 16) * 16 for n in size]) / np.prod(size)
    assert torch.all(energy <= area * images.square().sum(dim=(1, 2, 3)))
    assert torch.all(energy > 0.1 * images.square().sum(dim=(1, 2, 3)))


def test_quarter_turn_permutes_the_orientations():
    images = smooth_images(2, 1, 32, 32)
    backbone = build(3, size=(32, 32))
    turned = [torch.rot90(map_, 1, (2, 3)) for map_ in backbone(images)]
    # A quarter turn either way takes an orientation to the one across it.
    order = torch.roll(torch.arange(8), 4)
    got = backbone(torch.rot90(images, 1, (2, 3)))
    pairs = (order[:, None] * 8 + order[None, :]).flatten()
    paths = [
        order,
        torch.cat([order, 8 + pairs]),
        torch.cat([torch.tensor([0]), 1 + order, 9 + pairs, 9 + 64 + pairs]),
    ]
    for level, (a, b, path) in enumerate(zip(got, turned, paths, strict=True)):
        error = float((a - b[:, path]).norm() / b.norm())
        # The finest scale is not sampled; coarser ones are, off the image's centre.
        assert error < (1e-5 if level == 0 else 0.05)
        assert float((a - b).norm() / b.norm()) > 2 * error


@pytest.mark.parametrize("size", [(1, 1), (17, 30)])
def test_constant_image_has_an_average_and_nothing_else(size):
    maps = build()(torch.full((1, 1, *size), 0.7))
    torch.testing.assert_close(maps[-1][:, :1], torch.full_like(maps[-1][:, :1], 0.7))
    for details in (maps[0], maps[1], maps[2][:, 1:]):
        assert float(details.abs().max()) < 1e-6


def test_grating_answers_at_its_scale_and_orientation():
    position = torch.arange(64.0)
    for scale in range(3):
        # Varies along the rows' axis only: orientation 4 of 8.
        wave = 0.5 + 0.5 * torch.cos(0.75 * np.pi / 2**scale * position)
        image = wave[:, None].expand(64, 64)[None, None]
        maps = build(3, max_order=1)(image)
        answers = torch.cat([map_[0, -8:].mean(dim=(1, 2)) for map_ in maps])
        assert divmod(int(answers.argmax()), 8) == (scale, 4)


def test_contrast_scales_the_coefficients():
    images = smooth_images(2, 3, 16, 16)
    backbone = build(2, channels=3)
    for once, thrice in zip(backbone(images), backbone(3 * images), strict=True):
        torch.testing.assert_close(3 * once, thrice, rtol=1e-4, atol=1e-6)


def test_each_image_and_channel_is_transformed_alone():
    images = smooth_images(40, 3, 12, 10)
    together = build(2, channels=3)(images)
    for channel in range(3):
        alone = build(2)(images[7:8, channel : channel + 1])
        for all_, one in zip(together, alone, strict=True):
            n = one.shape[1]
            part = all_[7:8, channel * n : (channel + 1) * n]
            torch.testing.assert_close(part, one, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(9, 13), (19, 18), (28, 28), (31, 6)])
@pytest.mark.parametrize("n_scales", [2, 3])
def test_place_in_the_batch_does_not_change_a_byte(n_scales, size):
    images = smooth_images(37, 1, *size)
    order = torch.from_numpy(np.random.default_rng(0).permutation(37))
    backbone = build(n_scales)
    for a, b in zip(backbone(images), backbone(images[order]), strict=True):
        assert torch.equal(a[order], b)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_after_use_answer_the_same(duplicate):
    images = smooth_images(2, 1, 20, 24)
    backbone = build()
    before = backbone(images)
    copied = duplicate(backbone)
    for a, b in zip(before, copied(images), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert copied.levels == backbone.levels


def test_pickle_does_not_carry_the_filters():
    backbone = build()
    fresh = len(pickle.dumps(backbone))
    backbone(torch.rand(1, 1, 64, 64))
    assert len(pickle.dumps(backbone)) == fresh


def test_filters_follow_the_size_and_the_precision():
    sizes = [(12, 9), (12, 20), (7, 20)]
    used = build()
    for size in (*sizes, *sizes):
        for dtype in (torch.float32, torch.float64):
            images = smooth_images(1, 1, *size).to(dtype)
            for a, b in zip(used(images), build()(images), strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_filters_of_few_sizes_are_kept():
    backbone = build(1)
    for width in range(1, 30):
        backbone(torch.rand(1, 1, 2, width))
    assert len(backbone._filters) == 8


@pytest.mark.parametrize("fill", ["constant", "random"])
def test_gradient_reaches_the_image_and_is_finite(fill):
    backbone = build()
    with torch.inference_mode():
        backbone(torch.rand(1, 1, 16, 16))  # must not leave unusable filters behind
    images = torch.full((2, 1, 16, 16), 0.5) if fill == "constant" else None
    images = smooth_images(2, 1, 16, 16) if images is None else images
    images.requires_grad_()
    sum(map_.sum() for map_ in backbone(images)).backward()
    assert torch.all(torch.isfinite(images.grad))
    assert float(images.grad.abs().max()) > 0


def test_gradient_is_that_of_finite_differences():
    image = smooth_images(1, 1, 3, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(build(2, n_orientations=4), image)


@pytest.mark.parametrize(
    ("dtype", "result"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_computes_in_single_precision_at_least(dtype, result):
    assert {map_.dtype for map_ in build()(torch.rand(1, 1, 9, 9).to(dtype))} == {
        result
    }


def test_autocast_changes_nothing():
    images = smooth_images(1, 1, 16, 16)
    backbone = build()
    plain = backbone(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = backbone(images)
    for a, b in zip(plain, cast, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_scales": 0}, "'n_scales' parameter of ScatteringBackbone"),
        ({"n_scales": "many"}, "'n_scales' parameter of ScatteringBackbone"),
        ({"n_orientations": 0}, "'n_orientations' parameter of ScatteringBackbone"),
        ({"max_order": 3}, "'max_order' parameter of ScatteringBackbone"),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        ScatteringBackbone(**parameters).build(1, (28, 28))
