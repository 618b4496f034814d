"""Fit augments training images and nothing else; transforms travel with estimators."""

import pickle
import random

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torchvision.transforms import v2

from skmultigran import ConvNetBackbone, MultiGranularityTransformer
from skmultigran._support import InvalidParameterError


class Counting:
    """A transform that counts its calls and changes nothing."""

    def __init__(self):
        self.calls = 0

    def __call__(self, image):
        self.calls += 1
        return image


@pytest.fixture
def counting():
    return Counting()


def test_fit_augments_each_image_once_per_epoch(small, pair, counting):
    images, y = pair
    fitted = small(max_epochs=3, augment=counting).fit(images, y)
    assert counting.calls == 3 * 60
    fitted.partial_fit(images[:20], y[:20])
    assert counting.calls == 3 * 60 + 20


def test_prediction_is_never_augmented(small, pair, counting):
    images, y = pair
    fitted = small(max_epochs=1, augment=counting).fit(images, y)
    counting.calls = 0
    fitted.predict(images)
    fitted.predict_proba(images)
    fitted.score(images, y)
    assert counting.calls == 0


def test_given_validation_images_are_not_augmented(small, pair, counting):
    images, y = pair
    classifier = small(max_epochs=2, augment=["flip", counting])
    classifier.fit(images[:40], y[:40], X_val=images[40:], y_val=y[40:])
    assert counting.calls == 40 * classifier.n_iter_


def test_images_held_out_for_early_stopping_are_not_augmented(small, pair, counting):
    images, y = pair
    classifier = small(
        max_epochs=2, augment=counting, early_stopping=True, validation_fraction=0.25
    )
    classifier.fit(images, y)
    assert counting.calls == 45 * classifier.n_iter_


def test_images_of_weight_zero_are_not_augmented(small, pair, counting):
    images, y = pair
    weight = np.repeat([1.0, 0.0], 30)
    small(max_epochs=2, augment=counting).fit(images, y, sample_weight=weight)
    assert counting.calls == 2 * 30


def test_transformer_augments_training_but_not_transform(pair, counting):
    images, y = pair
    transformer = MultiGranularityTransformer(
        task="classification",
        backbone=ConvNetBackbone(widths=(8, 16)),
        augment=counting,
        max_epochs=2,
        random_state=0,
    )
    transformer.fit(images, y).transform(images)
    assert counting.calls == 2 * 60


# ------------------------------------------------------------- transforms in estimators


def jittered(image):
    """Draw from each global generator."""
    drawn = random.random() + np.random.random() + torch.rand(1).item()
    return image * (0.7 + 0.1 * drawn)


TRANSFORMS = [
    v2.Compose([v2.RandomAffine(15, (0.2, 0.2)), v2.ColorJitter(0.3)]),
    ["flip", v2.RandomErasing(), jittered],
    "strong",
]
each_transform = pytest.mark.parametrize(
    "augment", TRANSFORMS, ids=["v2", "list", "strong"]
)


@each_transform
def test_seed_alone_decides(small, pair, augment):
    images, y = pair
    first = small(augment=augment).fit(images, y).predict_proba(images)
    torch.manual_seed(123)
    np.random.seed(123)
    random.seed(123)
    again = small(augment=augment).fit(images, y).predict_proba(images)
    np.testing.assert_array_equal(again, first)
    other = small(augment=augment, random_state=1).fit(images, y)
    assert not np.allclose(other.predict_proba(images), first)


@each_transform
def test_global_generators_are_left_as_found(small, pair, augment):
    images, y = pair
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    small(augment=augment).fit(images, y).partial_fit(images, y).predict(images)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]


@pytest.mark.parametrize(
    "augment",
    [
        v2.Compose([v2.RandomAffine(15, (0.2, 0.2)), v2.ColorJitter(0.3)]),
        v2.RandomInvert(0.3),
        ["flip", jittered],
        v2.RandomAffine(15),
        ["flip", v2.RandomErasing()],
    ],
    ids=["compose", "v2", "function", "get_params", "get_params in a list"],
)
def test_clone_and_pickle_carry_the_transform(small, pair, augment):
    images, y = pair
    fitted = small(augment=augment).fit(images, y)
    expected = fitted.predict_proba(images)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(images), expected)
    assert loaded.get_params(deep=True).keys() == small().get_params(deep=True).keys()
    for copy in (clone(fitted), clone(loaded)):
        assert repr(copy.augment) == repr(augment)
        copy.set_params(max_epochs=4).fit(images, y)
        np.testing.assert_array_equal(copy.predict_proba(images), expected)


def test_search_chooses_among_names_and_transforms(small, pair):
    images, y = pair
    composed = v2.Compose([v2.RandomAffine(10), v2.RandomErasing()])
    grid = {"augment": [None, "strong", composed, ["flip", v2.RandomInvert(0.1)]]}
    search = GridSearchCV(small(max_epochs=1), grid, cv=2, error_score="raise")
    search.fit(images, y)
    assert len(search.cv_results_["params"]) == 4


def test_failing_transform_is_named_and_nothing_is_lost(small, pair):
    images, y = pair
    fitted = small(max_epochs=1).fit(images, y)
    expected = fitted.predict_proba(images)
    fitted.set_params(augment=v2.CenterCrop(4))
    with pytest.raises(ValueError, match=r"CenterCrop\(.*v2.Resize\(\(6, 6\)\)"):
        fitted.fit(images, y)
    np.testing.assert_array_equal(fitted.predict_proba(images), expected)


@pytest.mark.parametrize("augment", [3, {"flip"}])
def test_augment_of_another_kind_is_told(small, pair, augment):
    with pytest.raises(InvalidParameterError, match="'augment' parameter.*callable"):
        small(augment=augment).fit(*pair)
