"""Transforms from outside: image by image, seeded, and refused with a reason."""

import random

import numpy as np
import pytest
import torch
from torchvision import transforms as first_version
from torchvision.transforms import v2

from skmultigran.images import Augmentation


def augmented(augment, images, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Augmentation(augment, images.shape[-2:])(images, generator)


@pytest.fixture
def images():
    return torch.rand(6, 3, 16, 12)


@pytest.fixture
def globals_as_found():
    """Fail if the test changes a global generator."""
    before = global_states()
    yield
    assert global_states() == before


def global_states():
    return (
        random.getstate(),
        np.random.get_state()[1].tobytes(),
        torch.get_rng_state().numpy().tobytes(),
    )


def noise_of_torch(image):
    return (image + 0.1 * torch.rand(1)).clamp(max=1)


def noise_of_numpy(image):
    return (image + 0.1 * np.random.random()).clamp(max=1)


def noise_of_python(image):
    return (image + 0.1 * random.random()).clamp(max=1)


NOISES = [noise_of_torch, noise_of_numpy, noise_of_python]

RANDOM_V2 = [
    v2.AutoAugment(),
    v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
    v2.Compose([v2.RandomCrop(8), v2.Resize((16, 12))]),
    v2.ElasticTransform(sigma=1.0),
    v2.GaussianNoise(),
    v2.RandomAffine(30, (0.2, 0.2)),
    v2.RandomChoice([v2.RandomRotation(20), v2.RandomInvert()]),
    v2.RandomErasing(p=0.9),
    v2.RandomResizedCrop((16, 12)),
    v2.TrivialAugmentWide(),
]


# ----------------------------------------------------------------- what they are given


def test_transform_is_given_single_float_images(images):
    given = []

    def keep(image):
        assert not torch.is_grad_enabled()
        given.append(image)
        return image

    assert torch.equal(augmented(keep, images), images)
    assert torch.equal(torch.stack(given), images)
    assert {image.dtype for image in given} == {torch.float32}
    assert all(image.is_contiguous() for image in given)


def test_images_of_a_training_source_are_contiguous_too(images):
    channels_last = images.contiguous(memory_format=torch.channels_last)
    flat = augmented(lambda image: image.view(-1).view(3, 16, 12), channels_last)
    assert torch.equal(flat, images)


def test_transform_may_change_what_it_is_given(images):
    before = images.clone()
    found = augmented(v2.RandomErasing(p=1.0, inplace=True), images)
    assert torch.equal(images, before)
    assert not torch.equal(found, images)


@pytest.mark.parametrize(
    "augment",
    [
        v2.Compose([v2.RandomInvert(1.0), v2.RandomHorizontalFlip(1.0)]),
        torch.nn.Sequential(v2.RandomInvert(1.0), v2.RandomHorizontalFlip(1.0)),
        [v2.RandomInvert(1.0), v2.RandomHorizontalFlip(1.0)],
        (v2.RandomInvert(1.0), lambda image: image.flip(-1)),
    ],
    ids=["compose", "sequential", "list", "tuple with a function"],
)
def test_transforms_do_to_each_image_what_they_say(augment, images):
    torch.testing.assert_close(augmented(augment, images), 1 - images.flip(-1))


def test_transforms_and_names_are_applied_in_order(images):
    generator = torch.Generator().manual_seed(0)
    expected = images
    for step in ("crop", noise_of_torch, "erase"):
        expected = Augmentation(step, (16, 12))(expected, generator)
    assert torch.equal(augmented(["crop", noise_of_torch, "erase"], images), expected)


def test_doubles_become_single_precision(images):
    found = augmented(lambda image: image.double(), images)
    assert found.dtype == torch.float32
    assert torch.equal(found, images)


# -------------------------------------------------------------------------- randomness


@pytest.mark.parametrize("transform", RANDOM_V2, ids=lambda t: type(t).__name__)
def test_generator_alone_decides_over_transforms_of_v2(
    transform, images, globals_as_found
):
    first = augmented(transform, images)
    assert first.shape == images.shape
    assert first.dtype == torch.float32
    assert torch.equal(augmented(transform, images), first)
    assert not torch.equal(augmented(transform, images, seed=1), first)


@pytest.mark.parametrize("noise", NOISES)
def test_every_global_generator_is_seeded_and_put_back(noise, images, globals_as_found):
    first = augmented(noise, images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        assert torch.equal(augmented(noise, images), first)
    assert not torch.equal(augmented(noise, images, seed=1), first)


@pytest.mark.parametrize("noise", NOISES)
def test_each_image_and_each_batch_has_draws_of_its_own(noise):
    black = torch.zeros(50, 1, 2, 2)
    augmentation = Augmentation(noise, (2, 2))
    generator = torch.Generator().manual_seed(0)
    found = torch.cat([augmentation(black, generator) for _ in range(2)])
    assert len(found[:, 0, 0, 0].unique()) == 100


def test_draws_for_one_image_do_not_shift_those_of_the_next(images):
    def draws_more_for_bright_images(image):
        torch.rand(int(100 * image.max()))
        return noise_of_torch(image)

    others = images.clone()
    others[:3] = 0
    expected = augmented(draws_more_for_bright_images, images)
    found = augmented(draws_more_for_bright_images, others)
    assert torch.equal(found[3:], expected[3:])


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_generators_are_put_back_after_a_failure(error, images, globals_as_found):
    def broken(image):
        for noise in NOISES:
            noise(image)
        raise error("broken")

    with pytest.raises(error, match="broken"):
        augmented(broken, images)


# ---------------------------------------------------------------------------- refusals


def convert_to_grey(image):
    return image.convert("L")


def bytes_only(image):
    if image.dtype != torch.uint8:
        raise TypeError(f"Only uint8 is supported, not {image.dtype}.")
    return 255 - image


REFUSED = {
    "uint8 only": (
        bytes_only,
        r"bytes_only failed.*\(3, 16, 12\).*Only uint8.*ToDtype\(torch.uint8.*before",
    ),
    "PIL only": (convert_to_grey, r"convert_to_grey failed.*AttributeError.*convert"),
    "arrays only": (first_version.ToTensor(), r"ToTensor\(\) failed.*TypeError"),
    "needs labels": (v2.MixUp(num_classes=2), r"MixUp\(.*failed.*no labels"),
    "returns PIL": (v2.ToPILImage(), r"ToPILImage\(\) returned Image, but.*tensor"),
    "returns nothing": (lambda image: None, r"<lambda> returned NoneType"),
    "returns uint8": (
        v2.ToDtype(torch.uint8, scale=True),
        r"ToDtype\(.*returned values of torch.uint8.*ToDtype\(torch.float32",
    ),
    "returns another size": (
        v2.RandomCrop(8),
        r"RandomCrop\(.*\(3, 8, 8\) from one of \(3, 16, 12\)"
        r".*v2.Resize\(\(16, 12\)\) after.*image_size",
    ),
    "returns other channels": (
        v2.Grayscale(),
        r"Grayscale\(.*\(1, 16, 12\) from one of \(3, 16, 12\).*as many channels",
    ),
    "returns other dimensions": (
        lambda image: image[None],
        r".*\(1, 3, 16, 12\).*must",
    ),
    "normalises": (
        v2.Normalize([0.5] * 3, [0.25] * 3),
        r"Normalize\(.*values from -[12].* to .*near 0 to 1.*Leave v2.Normalize out",
    ),
    "draws strong noise": (
        v2.RandomErasing(p=1.0, value="random"),
        r"RandomErasing\(.*made values.*clip strong noise",
    ),
    "makes nan": (lambda image: image / 0 - image / 0, r"<lambda> made values.*nan"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_transform_that_cannot_be_used_is_named_with_the_reason(
    case, images, globals_as_found
):
    transform, match = REFUSED[case]
    with pytest.raises(ValueError, match=f"(?s)augment: {match}"):
        augmented(["flip", transform], images)


def test_failure_keeps_its_cause(images):
    with pytest.raises(ValueError, match="convert_to_grey failed") as caught:
        augmented(convert_to_grey, images)
    assert isinstance(caught.value.__cause__, AttributeError)


def test_long_transform_is_named_in_short(images):
    transform = v2.Compose([v2.RandomCrop(8), *[v2.RandomInvert()] * 20])
    with pytest.raises(ValueError, match=r"augment: Compose\( RandomCrop.*\[\.\.\.\]"):
        augmented(transform, images)


def test_advice_for_transforms_of_bytes_works(images):
    to_bytes = v2.ToDtype(torch.uint8, scale=True)
    to_floats = v2.ToDtype(torch.float32, scale=True)
    found = augmented(v2.Compose([to_bytes, bytes_only, to_floats]), images)
    torch.testing.assert_close(found, 1 - images, rtol=0, atol=0.004)


def test_images_beyond_zero_and_one_have_a_range_of_their_own():
    images = 10 * torch.rand(4, 1, 8, 8) - 5
    assert torch.equal(augmented(lambda image: -image, images), -images)


@pytest.mark.parametrize("augment", [v2.RandomInvert, ["flip", v2.RandomInvert]])
def test_class_is_told_from_a_transform_made_of_it(augment):
    with pytest.raises(
        ValueError, match=r"class RandomInvert.*Pass RandomInvert\(\.\."
    ):
        Augmentation(augment, (8, 8))
