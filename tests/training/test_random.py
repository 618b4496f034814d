"""Randomness has a seed, and the global generators stay as they were found."""

import random

import numpy as np
import pytest
import torch

from skmultigran.training import seeded


def global_states():
    return (
        torch.get_rng_state().tolist(),
        repr(np.random.get_state()),
        random.getstate(),
    )


def draw(seed):
    with seeded(seed) as generator:
        return torch.rand(3).tolist(), torch.rand(3, generator=generator).tolist()


def test_global_generators_are_left_as_found():
    before = global_states()
    draw(0)
    assert global_states() == before


def draw_and_raise(error):
    with seeded(0):
        torch.rand(3)
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_global_generators_are_left_as_found_after_an_exception(error):
    before = global_states()
    with pytest.raises(error):
        draw_and_raise(error)
    assert global_states() == before


def test_state_before_the_block_does_not_matter():
    first = draw(7)
    torch.manual_seed(99)
    assert draw(7) == first


@pytest.mark.parametrize("part", [0, 1])
def test_another_seed_draws_other_numbers(part):
    assert draw(0)[part] != draw(1)[part]


def test_generator_is_apart_from_the_global_one():
    with seeded(0) as generator:
        state = torch.get_rng_state()
        torch.rand(3, generator=generator)
        assert torch.equal(torch.get_rng_state(), state)


def test_blocks_can_be_nested():
    with seeded(0):
        torch.rand(1)
        expected = torch.rand(2)
    with seeded(0):
        torch.rand(1)
        draw(5)
        assert torch.equal(torch.rand(2), expected)
