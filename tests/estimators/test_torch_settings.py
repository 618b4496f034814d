"""What is switched in torch for a whole program neither stops nor changes a fit."""

import pickle

import numpy as np
import pytest
import torch

from skmultigran import MultiGranularityDetector
from skmultigran.datasets import make_digit_scenes


@pytest.fixture
def doubles():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def expected(small, pair):
    images, y = pair
    return small(augment="strong", max_epochs=1).fit(images, y).predict_proba(images)


def test_floats_of_another_size_by_default(expected, doubles, small, pair):
    images, y = pair
    fitted = small(augment="strong", max_epochs=1).fit(images, y)
    assert torch.get_default_dtype() == torch.float64
    np.testing.assert_array_equal(fitted.predict_proba(images), expected)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(images), expected)
    assert loaded.partial_fit(images, y).n_iter_ == 2


def test_boxes_with_floats_of_another_size(doubles):
    scenes = make_digit_scenes(4, random_state=0)
    detector = MultiGranularityDetector(max_epochs=1, random_state=0)
    detector.fit(scenes.images, scenes.y)
    assert len(detector.predict(scenes.images)) == 4


@pytest.mark.parametrize("switched", [torch.no_grad, torch.inference_mode])
def test_without_gradients(expected, switched, small, pair):
    images, y = pair
    with switched():
        fitted = small(augment="strong", max_epochs=1).fit(images, y)
        assert not torch.is_grad_enabled()
        np.testing.assert_array_equal(fitted.predict_proba(images), expected)
    assert fitted.partial_fit(images, y).n_iter_ == 2
