"""The documented rules of "auto"."""

import pytest

from skmultigran.training import (
    auto_augment,
    auto_batch_size,
    auto_lr,
    auto_max_epochs,
)


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1, 16),
        (255, 16),
        (511, 16),
        (512, 32),
        (1023, 32),
        (1437, 64),
        (2047, 64),
        (2048, 128),
        (60_000, 128),
    ],
)
def test_batch_size_is_the_power_of_two_below_a_sixteenth(n, expected):
    assert auto_batch_size(n) == expected


@pytest.mark.parametrize(
    ("n", "batch_size", "expected"),
    [(1437, 64, 41), (1, 16, 100), (144, 16, 100), (160, 16, 90), (60_000, 128, 12)],
)
@pytest.mark.parametrize("image_size", [(), (8, 8), (1, 16)])
def test_epochs_make_900_steps_of_tiny_images(n, batch_size, expected, image_size):
    assert auto_max_epochs(n, batch_size, image_size=image_size) == expected


@pytest.mark.parametrize(
    ("n", "batch_size", "expected"),
    [(1000, 32, 80), (5000, 128, 77), (100, 16, 80), (60_000, 128, 12)],
)
@pytest.mark.parametrize("image_size", [(28, 28), (8, 17), (224, 224)])
def test_epochs_make_3000_steps_of_others(n, batch_size, expected, image_size):
    assert auto_max_epochs(n, batch_size, image_size=image_size) == expected


@pytest.mark.parametrize(("optimizer", "expected"), [("adamw", 0.003), ("sgd", 0.1)])
def test_learning_rate(optimizer, expected):
    assert auto_lr(optimizer) == expected


@pytest.mark.parametrize(
    ("image_size", "max_epochs", "fine_tuning", "expected"),
    [
        ((1, 64), 100, False, ()),
        ((64, 1), 3, True, ()),
        ((28, 28), 12, False, ()),
        ((28, 28), 19, False, ()),
        ((28, 28), 20, False, ("shift", "erase")),
        ((8, 17), 64, False, ("shift", "erase")),
        ((16, 16), 64, False, ("affine",)),
        ((224, 224), 30, True, ("affine",)),
    ],
)
def test_images_seen_often_are_changed_more(
    image_size, max_epochs, fine_tuning, expected
):
    found = auto_augment(image_size, max_epochs, fine_tuning=fine_tuning)
    assert found == expected
