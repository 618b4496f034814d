"""random_state covers everything, and nothing outside is touched."""

import numpy as np
import pytest
import torch

from skmultigran import AttentionFusion, PooledHead

RANDOM_PARTS = {
    "fusion": AttentionFusion(channels=8, heads=2, dropout=0.3),
    "head": PooledHead(dropout=0.3),
    "augment": "standard",
}


def _fitted(small, pair, random_state, **parameters):
    images, y = pair
    return small(random_state=random_state, **(RANDOM_PARTS | parameters)).fit(
        images, y
    )


def test_same_seed_same_predictions_bit_for_bit(small, pair):
    images, _ = pair
    first = _fitted(small, pair, 3).predict_proba(images)
    torch.manual_seed(123)
    np.random.seed(123)
    np.testing.assert_array_equal(_fitted(small, pair, 3).predict_proba(images), first)


def test_a_random_state_instance_gives_the_same_again(small, pair):
    images, _ = pair
    results = [
        _fitted(small, pair, np.random.RandomState(5)).predict_proba(images)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    "only",
    [
        {"augment": None, "fusion": "concat", "head": "pooled"},
        {"augment": None, "fusion": "concat"},
        {"fusion": "concat", "head": "pooled"},
    ],
    ids=["initialisation and order", "dropout", "augmentation"],
)
def test_another_seed_other_predictions(small, pair, only):
    images, _ = pair
    first = _fitted(small, pair, 0, **only).predict_proba(images)
    assert not np.allclose(_fitted(small, pair, 1, **only).predict_proba(images), first)


@pytest.mark.parametrize("random_state", [0, np.random.RandomState(0)])
def test_global_generators_are_left_as_found(small, pair, random_state):
    images, y = pair
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    classifier = _fitted(small, pair, random_state)
    classifier.partial_fit(images, y)
    classifier.predict(images)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)


def test_none_draws_from_numpy_as_everywhere_in_sklearn(small, pair):
    images, _ = pair
    results = []
    for _ in range(2):
        np.random.seed(11)
        results.append(_fitted(small, pair, None).predict_proba(images))
    np.testing.assert_array_equal(*results)
