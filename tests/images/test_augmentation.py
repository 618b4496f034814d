"""Augmentation changes each image by random numbers of its own, and nothing else."""

import re

import pytest
import torch
from torch.nn import functional

from skmultigran.images import Augmentation

STEPS = ["affine", "shift", "flip", "crop", "color", "erase"]
ALL = ["auto", *STEPS, "standard", "strong"]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def augmented(augment, images, seed=0):
    return Augmentation(augment, images.shape[-2:])(images, generator(seed))


def moved_by_hand(image, down, right):
    """Move one image, filling with its border."""
    height, width = image.shape[-2:]
    padded = functional.pad(image[None], (width,) * 2 + (height,) * 2, mode="replicate")
    top, left = height + down, width + right
    return padded[0, :, top : top + height, left : left + width]


def offsets_of(image, moved, largest):
    """Return the (down, right) by which `moved` was cut out of the filled image."""
    span = range(-largest, largest + 1)
    return [
        (down, right)
        for down in span
        for right in span
        if torch.equal(moved_by_hand(image, down, right), moved)
    ]


@pytest.mark.parametrize("size", [(16, 42), (17, 31), (8, 8)])
def test_shift_equals_a_shift_by_hand_of_at_most_a_fourteenth(size):
    images = torch.rand(40, 2, *size)
    moved = augmented("shift", images)
    found = [offsets_of(*pair, 5) for pair in zip(images, moved, strict=True)]
    assert {len(offsets) for offsets in found} == {1}
    down, right = torch.tensor(found)[:, 0].T
    assert down.abs().max() == max(1, size[0] // 14)
    assert right.abs().max() == max(1, size[1] // 14)


def test_shift_is_drawn_as_documented():
    images = torch.rand(6, 1, 28, 42)
    draws = generator(3)
    down = torch.randint(-2, 3, (6, 1), generator=draws).flatten().tolist()
    right = torch.randint(-3, 4, (6, 1), generator=draws).flatten().tolist()
    moves = zip(images, down, right, strict=True)
    expected = torch.stack([moved_by_hand(*move) for move in moves])
    assert torch.equal(augmented("shift", images, seed=3), expected)


def test_every_offset_is_drawn_equally_often():
    columns = torch.arange(28.0).expand(6000, 1, 28, 28)
    counts = torch.bincount(augmented("shift", columns)[:, 0, 0, 14].long() - 12)
    assert len(counts) == 5
    assert counts.min() > 1000
    assert counts.max() < 1400


def test_a_single_pixel_does_not_move_but_small_images_do():
    single, small = torch.rand(4, 1, 1, 1), torch.rand(40, 1, 7, 7)
    assert torch.equal(augmented("shift", single), single)
    assert not torch.equal(augmented("shift", small), small)


def test_flip_mirrors_half_of_the_images():
    images = torch.rand(2000, 1, 1, 3)
    flipped = augmented("flip", images)
    mirrored = (flipped == images.flip(-1)).flatten(1).all(dim=1)
    same = (flipped == images).flatten(1).all(dim=1)
    assert (mirrored ^ same).all()
    assert 900 < mirrored.sum() < 1100


@pytest.mark.parametrize("augment", ALL)
def test_generator_alone_decides(augment):
    images = torch.rand(8, 3, 16, 16)
    first = augmented(augment, images)
    torch.manual_seed(99)
    assert torch.equal(augmented(augment, images), first)
    assert not torch.equal(augmented(augment, images, seed=1), first)


@pytest.mark.parametrize("augment", ALL)
def test_input_and_global_generator_stay_as_they_are(augment):
    images = torch.rand(8, 3, 16, 16)
    before, state = images.clone(), torch.get_rng_state()
    augmented(augment, images)
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("augment", ["affine", "crop", "color", "standard", "strong"])
def test_images_of_a_batch_get_draws_of_their_own(augment):
    image = torch.rand(1, 1, 32, 32)
    found = augmented(augment, image.expand(20, -1, -1, -1))
    assert len({tuple(moved.flatten().tolist()) for moved in found}) > 15


@pytest.mark.parametrize("augment", ALL)
def test_companions_do_not_change_an_image(augment):
    images, others = torch.rand(2, 12, 3, 16, 16)
    others[::2] = images[::2]
    expected, found = augmented(augment, images), augmented(augment, others)
    assert torch.equal(found[::2], expected[::2])


@pytest.mark.parametrize("augment", ["affine", "shift", "flip", "crop", "erase"])
def test_constant_images_stay_constant(augment):
    images = torch.rand(30, 3, 1, 1).expand(-1, -1, 12, 9)
    torch.testing.assert_close(augmented(augment, images), images)


@pytest.mark.parametrize("augment", ALL)
@pytest.mark.parametrize(
    "shape", [(5, 1, 1, 1), (5, 3, 1, 64), (5, 2, 64, 1), (5, 4, 2, 3), (1, 3, 33, 20)]
)
def test_shape_dtype_and_range_are_kept(augment, shape):
    found = augmented(augment, torch.rand(shape))
    assert found.shape == shape
    assert found.dtype == torch.float32
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize("augment", ALL)
def test_random_numbers_go_to_the_device_of_the_images(augment):
    """The device "meta" refuses to be mixed with others, and is everywhere."""
    images = torch.empty(8, 3, 16, 16, device="meta")
    assert augmented(augment, images).device == images.device


@pytest.mark.parametrize("size", [(1, 64), (64, 1), (1, 1)])
def test_auto_leaves_images_of_one_line_alone(size):
    images = torch.rand(4, 1, *size)
    assert Augmentation("auto", size)(images, generator()) is images


def test_auto_is_affine_for_other_images():
    images = torch.rand(4, 1, 16, 16)
    assert torch.equal(augmented("auto", images), augmented("affine", images))


@pytest.mark.parametrize("size", [(40, 40), (30, 60), (60, 30)])
def test_affine_turns_zooms_and_moves_as_documented(size):
    """On a ramp every pixel says where it was read from."""
    height, width = size
    rows = torch.arange(float(height))[:, None].expand(size)
    columns = torch.arange(float(width))[None, :].expand(size)
    ramps = torch.stack([rows, columns]).expand(50, 2, *size)
    found = augmented("affine", ramps, seed=5)

    turn, zoom, down, right = 2 * torch.rand(4, 50, generator=generator(5)) - 1
    angle, factor = turn * torch.pi / 18, 1 + 0.1 * zoom
    y, x = rows - (height - 1) / 2, columns - (width - 1) / 2
    for i in range(50):
        sine, cosine = torch.sin(angle[i]) * factor[i], torch.cos(angle[i]) * factor[i]
        read_y = sine * x + cosine * y + down[i] * height / 14 + (height - 1) / 2
        read_x = cosine * x - sine * y + right[i] * width / 14 + (width - 1) / 2
        inside = (read_y > 0) & (read_y < height - 1)
        inside &= (read_x > 0) & (read_x < width - 1)
        assert inside.float().mean() > 0.5
        expected = torch.stack([read_y, read_x])
        torch.testing.assert_close(
            found[i][:, inside], expected[:, inside], rtol=0, atol=1e-3
        )


def test_affine_fills_with_the_median_of_the_border():
    images = torch.full((30, 2, 16, 16), 0.25)
    images[:, 1] = 0.75
    images[:, :, 0, :4] = 1.0  # something bright touches the border
    images[:, :, 4:12, 4:12] = 0.0
    corners = augmented("affine", images, seed=2)[:, :, -1]
    torch.testing.assert_close(corners[:, 0], torch.full((30, 16), 0.25))
    torch.testing.assert_close(corners[:, 1], torch.full((30, 16), 0.75))


@pytest.mark.parametrize("augment", [None, [], ()])
def test_nothing_asked_is_nothing_done(augment):
    images = torch.rand(4, 1, 16, 16)
    assert augmented(augment, images) is images


@pytest.mark.parametrize("names", [["shift", "flip"], ("flip", "shift")])
def test_list_is_applied_in_order(names):
    images = torch.rand(8, 1, 16, 16)
    draws = generator()
    expected = images
    for name in names:
        expected = Augmentation(name, (16, 16))(expected, draws)
    assert torch.equal(augmented(names, images), expected)


@pytest.mark.parametrize(
    ("preset", "names"),
    [("standard", ["affine", "flip"]), ("strong", ["crop", "flip", "color", "erase"])],
)
def test_preset_is_short_for_a_list(preset, names):
    images = torch.rand(8, 1, 16, 16)
    expected = augmented(names, images)
    assert torch.equal(augmented(preset, images), expected)
    assert torch.equal(augmented([preset], images), expected)


@pytest.mark.parametrize("size", [(16, 16), (1, 64)])
def test_auto_may_stand_in_a_list(size):
    expected = (*Augmentation("auto", size).steps, "flip")
    assert Augmentation(["auto", "flip"], size).steps == expected


@pytest.mark.parametrize("augment", ["spin", ["flip", "spin"], ("spin",)])
def test_unknown_name_is_told_with_those_known(augment):
    known = ", ".join(map(repr, ["auto", *STEPS, "standard", "strong"]))
    with pytest.raises(
        ValueError, match=rf"step 'spin'. Known: {known}, a transform of torchvision"
    ):
        Augmentation(augment, (8, 8))


@pytest.mark.parametrize("step", [3, None, ["flip"]])
def test_step_that_is_neither_name_nor_callable_is_told(step):
    with pytest.raises(ValueError, match=rf"unknown step {re.escape(repr(step))}\."):
        Augmentation(["flip", step], (8, 8))


@pytest.mark.parametrize("automatic", [(), ("flip",), ("shift", "erase")])
@pytest.mark.parametrize("more", [[], ["color"]])
def test_auto_is_what_it_stands_for(automatic, more):
    images = torch.rand(20, 3, 8, 8)
    found = Augmentation(["auto", *more], (8, 8), automatic=automatic)
    expected = Augmentation([*automatic, *more], (8, 8))
    assert torch.equal(found(images, generator()), expected(images, generator()))
    line = Augmentation(["auto", *more], (1, 8), automatic=automatic)
    assert line.steps == tuple(more)
