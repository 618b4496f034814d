import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmultigran.inspection import FusionWeightsDisplay, granularity_weights


def test_bars_are_means_of_all_and_of_each_label(fitted, digits, pyplot):
    X, y = digits
    model = fitted("gated")
    display = FusionWeightsDisplay.from_estimator(model, X, y)
    weights = granularity_weights(model, X)
    expected = [
        weights.mean(axis=0),
        *(weights[y == k].mean(axis=0) for k in range(10)),
    ]
    widths = [[bar.get_width() for bar in bars] for bars in display.bars_]
    assert_allclose(np.transpose(widths), expected, rtol=1e-5)
    names = [text.get_text() for text in display.legend_.get_texts()]
    assert names == model.granularities_
    ticks = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert ticks == ["all", *map(str, range(10))]


def test_bars_of_a_row_join_from_fine_to_coarse(pyplot):
    display = FusionWeightsDisplay([[0.2, 0.3, 0.5]], ["a", "b", "c"]).plot()
    lefts = [bars[0].get_x() for bars in display.bars_]
    assert_allclose(lefts, [0, 0.2, 0.5])


def test_labels_must_be_as_many_as_images(pyplot):
    display = FusionWeightsDisplay([[0.5, 0.5]], ["a", "b"], y=[0, 1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        display.plot()
