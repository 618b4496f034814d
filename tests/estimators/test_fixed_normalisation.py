"""What is frozen, fixed or pretrained sees an image alike in every fold."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_val_score

from skmultigran import (
    FeatureCache,
    MultiGranularityClassifier,
    MultiGranularityTransformer,
)
from skmultigran._levels import Level
from skmultigran.backbones import Backbone, BackboneRecipe, ConvNetBackbone

N = 24
RNG = np.random.default_rng(0)
Y = np.arange(N) % 2
# Every image has its own brightness, so no two folds have the same mean.
X = (RNG.integers(0, 99, (N, 8, 8)) + 5 * np.arange(N)[:, None, None]).astype("uint8")


class Averages(BackboneRecipe):
    """The image in blocks; it says nothing of a normalisation."""

    fixed = True

    def build(self, in_channels, image_size):
        backbone = Backbone()
        backbone.levels = (Level(in_channels, 2),)
        backbone.forward = _halved
        return backbone


def _halved(images):
    return [torch.nn.functional.avg_pool2d(images, 2, ceil_mode=True)]


class Learned(BackboneRecipe):
    """Weights from elsewhere, without a word on what they are used to."""

    pretrained = True

    def build(self, in_channels, image_size):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return ConvNetBackbone(widths=(4, 6)).build(in_channels, image_size)


@pytest.mark.parametrize("backbone", ["scattering", Averages(), Learned()], ids=str)
def test_folds_find_what_others_have_computed(backbone, tmp_path):
    model = MultiGranularityClassifier(
        backbone=backbone, trainable="head", max_epochs=1, random_state=0
    )
    folds = StratifiedKFold(3)
    kept = clone(model).set_params(memory=tmp_path)
    scores = cross_val_score(kept, X, Y, cv=folds)
    kept.fit(X, Y)
    n_granularities = len(kept.granularities_)
    # Each image is computed once, and looked up in three folds and in the fit.
    looked_up = 4 * N * n_granularities
    entries = N * n_granularities
    assert FeatureCache(tmp_path).info()[:3] == (looked_up - entries, entries, entries)
    np.testing.assert_array_equal(scores, cross_val_score(model, X, Y, cv=folds))


@pytest.mark.parametrize("backbone", [Averages(), Learned()], ids=str)
@pytest.mark.parametrize("trainable", ["all", "head"])
def test_a_backbone_that_says_nothing_gets_images_as_they_are(backbone, trainable):
    model = MultiGranularityClassifier(
        backbone=backbone, trainable=trainable, max_epochs=1, random_state=0
    ).fit(X, Y)
    assert model.network_.mean.item() == 0
    assert model.network_.std.item() == 1


def test_weights_from_elsewhere_need_no_task():
    columns = MultiGranularityTransformer(backbone=Learned()).fit_transform(X)
    assert columns.shape[0] == N


def test_what_is_trained_from_scratch_learns_its_normalisation():
    model = MultiGranularityClassifier(max_epochs=1, random_state=0).fit(X, Y)
    mean, std = X.mean() / 255, X.std() / 255
    np.testing.assert_allclose(model.network_.mean.item(), mean, rtol=1e-5)
    np.testing.assert_allclose(model.network_.std.item(), std, rtol=1e-5)


@pytest.mark.parametrize("backbone", [Averages(), ConvNetBackbone(widths=(4,))])
def test_what_gets_used_to_nothing_warns_of_images_that_are_nearly_black(backbone):
    model = MultiGranularityClassifier(backbone=backbone, max_epochs=1)
    if not backbone.fixed:
        model.fit(X.astype("uint16"), Y)
        return
    with pytest.warns(UserWarning, match="less than a sixteenth.*value_range="):
        model.fit(X.astype("uint16"), Y)
    model.set_params(value_range=(0, 255)).fit(X.astype("uint16"), Y)


def test_another_type_than_in_fit_is_named():
    model = MultiGranularityClassifier(backbone=ConvNetBackbone(widths=(4,)))
    model.set_params(max_epochs=1).fit(X, Y)
    with pytest.warns(UserWarning, match="of type int16 .* much smaller part"):
        model.predict(X.astype("int16"))
