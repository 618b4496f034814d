"""Every image once per epoch, in an order that the generator decides."""

from itertools import chain

import numpy as np
import pytest
import torch

from skmultigran.training._batches import batch_bounds


def numbers(images):
    return (images[:, 0, 0, 0] * 1000).round().long().tolist()


def epoch(batches):
    """Return the numbers of the images, batch by batch."""
    return [numbers(images) for images, _ in batches]


def order(batches):
    return list(chain.from_iterable(epoch(batches)))


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 10, 16, 17, 30])
@pytest.mark.parametrize("batch_size", [1, 2, 8, 100])
def test_each_image_exactly_once(n, batch_size, numbered, batches_of):
    batches = batches_of(numbered(n), batch_size=batch_size)
    found = epoch(batches)
    assert sorted(chain.from_iterable(found)) == list(range(n))
    assert len(found) == len(batches)


def test_next_epoch_has_another_order(numbered, batches_of):
    batches = batches_of(numbered(30))
    first, second = order(batches), order(batches)
    assert first != second
    assert first != sorted(first)


def test_same_seed_same_order_another_seed_another(numbered, batches_of):
    source = numbered(30)
    first, second, third = (batches_of(source, seed=seed) for seed in (0, 0, 1))
    orders = [order(first), order(first)]
    assert [order(second), order(second)] == orders
    assert order(third) != orders[0]


@pytest.mark.parametrize(
    ("n", "batch_size", "sizes"),
    [
        (12, 4, [4, 4, 4]),
        (13, 4, [3, 3, 3, 4]),
        (17, 16, [8, 9]),
        (1347, 64, [61] * 17 + [62] * 5),
        (3, 2, [3]),
        (5, 2, [2, 3]),
        (1, 4, [1]),
        (3, 1, [1, 1, 1]),
        (5, 8, [5]),
    ],
)
def test_batches_have_nearly_the_same_size(n, batch_size, sizes):
    bounds = batch_bounds(n, batch_size)
    assert sorted(stop - start for start, stop in bounds) == sizes
    assert [number for bound in bounds for number in range(*bound)] == list(range(n))


@pytest.mark.parametrize("batch_size", [2, 3, 7, 64])
def test_no_batch_of_one_and_none_too_large(batch_size):
    for n in range(2, 200):
        sizes = [stop - start for start, stop in batch_bounds(n, batch_size)]
        assert 2 <= min(sizes)
        assert max(sizes) <= max(batch_size, 3)
        assert max(sizes) - min(sizes) <= 1


def test_targets_and_weights_follow_their_images(numbered, batches_of):
    targets = np.arange(21) * 3
    weights = np.arange(21, dtype=np.float32) / 7
    for images, (found, weight) in batches_of(numbered(21), targets, weights):
        index = numbers(images)
        assert found.tolist() == targets[index].tolist()
        assert weight.tolist() == weights[index].tolist()


def test_images_are_augmented_with_draws_of_their_own(source_of, batches_of):
    images = np.broadcast_to(np.random.default_rng(0).random((28, 28)), (20, 28, 28))
    source = source_of(images.copy())
    found = torch.cat([x for x, _ in batches_of(source, augment="shift")])
    assert len({tuple(image.flatten().tolist()) for image in found}) > 10


def test_epochs_leave_the_global_generator_alone(numbered, batches_of):
    state = torch.get_rng_state()
    order(batches_of(numbered(9), augment="standard"))
    assert torch.equal(torch.get_rng_state(), state)
