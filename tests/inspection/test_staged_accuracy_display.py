"""The picture shows what the estimator does, at the cost of what it computes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmultigran import ConvNetBackbone, MultiGranularityClassifier
from skmultigran.inspection import StagedAccuracyDisplay
from skmultigran.inspection._staged_costs import staged_costs


@pytest.fixture(scope="module")
def model(digits):
    return MultiGranularityClassifier(
        backbone=ConvNetBackbone(widths=(8, 16)),
        scales=(1.0, 0.5),
        max_epochs=3,
        batch_size=16,
        lr=0.02,
        augment=None,
        random_state=0,
        deep_supervision=True,
        exit_threshold=0.6,
    ).fit(*digits)


def test_costs_rise_to_a_little_more_than_full_prediction(model):
    costs = staged_costs(model)
    assert (np.diff(costs) > 0).all()
    # A quarter of the pixels at half the scale.
    assert costs[1] == pytest.approx(0.2, abs=0.03)
    assert 1 < costs[-1] < 1.1


def test_shows_the_accuracies_of_all_stages_and_of_the_threshold(model, digits, pyplot):
    X, y = digits
    display = StagedAccuracyDisplay.from_estimator(model, X, y)
    accuracies = [np.mean(labels == y) for labels in model.staged_predict(X)]
    assert_allclose(display.stages_line_.get_ydata(), accuracies)
    assert [text.get_text() for text in display.texts_] == model.stages_
    costs = dict(zip(model.stages_, staged_costs(model), strict=True))
    mean = np.mean([costs[name] for name in model.exit_granularities(X)])
    assert_allclose(display.chosen, [mean, model.score(X, y)])
    assert display.exits_line_.get_xdata()[-1] == pytest.approx(min(costs.values()))


def test_needs_early_answers(digits, fitted, pyplot):
    with pytest.raises(ValueError, match="fitted with deep_supervision=False"):
        StagedAccuracyDisplay.from_estimator(fitted("concat"), *digits)
