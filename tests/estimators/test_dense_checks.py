"""The public checks of estimators of masks and boxes, all of them, counted."""

import numpy as np
import pytest
from sklearn.base import ClassifierMixin

from skmultigran import ConvNetBackbone, MultiGranularitySegmenter
from skmultigran.estimator_checks import check_dense_estimator, dense_estimator_checks

SEGMENTER = MultiGranularitySegmenter(
    backbone=ConvNetBackbone(widths=(4, 6), stem_stride=1),
    fusion="sum",
    max_epochs=1,
    batch_size=8,
)
MASK_CHECKS = dense_estimator_checks(answers="masks")
N_CHECKS = 20


@pytest.mark.parametrize("check", MASK_CHECKS, ids=lambda check: check.__name__)
def test_segmenter(check):
    check(SEGMENTER)


@pytest.mark.parametrize("answers", ["masks", "boxes"])
def test_the_number_of_checks(answers):
    assert len(dense_estimator_checks(answers=answers)) == N_CHECKS


def test_unknown_answers():
    with pytest.raises(ValueError, match="must be 'masks' or 'boxes'"):
        dense_estimator_checks(answers="points")


class Broken(MultiGranularitySegmenter):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, sample_weight)


class ChangesParameters(Broken):
    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.max_epochs = 7
        return self


class ReturnsNothing(Broken):
    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)


class ReadsTheBatch(Broken):
    def predict(self, X):
        masks = super().predict(X)
        masks[0] = len(masks) % 2
        return masks


class Remembers(Broken):
    def predict(self, X):
        self.seen_ = len(X)
        return super().predict(X)


class WritesX(Broken):
    def fit(self, X, y, sample_weight=None):
        y[0, 0] = 0 if y[0, 0].any() else 1
        return super().fit(X, y, sample_weight)


class ForgetsOnFailure(Broken):
    def fit(self, X, y, sample_weight=None):
        vars(self).pop("net_", None)
        return super().fit(X, y, sample_weight)


class IgnoresWeights(Broken):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y)


class OneSize(Broken):
    def predict(self, X):
        masks = super().predict(X)
        return masks if masks.dtype != object else np.stack([masks[0]] * len(masks))


class SaysClassifier(ClassifierMixin, Broken):
    pass


BROKEN = {
    ChangesParameters: (
        "check_parameters_are_kept",
        r"fit changed the parameters \['max_epochs'\]",
    ),
    ReturnsNothing: ("check_fit_returns_self", "fit does not return self"),
    WritesX: ("check_fit_leaves_its_input", "fit changed y"),
    Remembers: ("check_predict_leaves_the_estimator", "predict changed the estimator"),
    ReadsTheBatch: (
        "check_batches_do_not_matter",
        "An image alone is predicted otherwise",
    ),
    OneSize: ("check_sizes_may_differ", "A mask of"),
    IgnoresWeights: ("check_zero_weight_is_absence", "Weight zero is not the same"),
    ForgetsOnFailure: (
        "check_failing_fit_loses_nothing",
        "A failing fit changed the estimator",
    ),
    SaysClassifier: ("check_estimator_type", "Folds would be stratified"),
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_broken_promises_are_found(broken):
    name, message = BROKEN[broken]
    (check,) = (check for check in MASK_CHECKS if check.__name__ == name)
    with pytest.raises(AssertionError, match=message):
        check(broken(**SEGMENTER.get_params(deep=False)))


def test_all_at_once_stops_at_the_first():
    with pytest.raises(AssertionError, match="fit changed the parameters"):
        check_dense_estimator(ChangesParameters(**SEGMENTER.get_params(deep=False)))
