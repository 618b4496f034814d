import pytest
from numpy.testing import assert_allclose

from skmultigran.inspection import (
    GranularityImportanceDisplay,
    granularity_importance,
)


def test_bars_and_points_are_the_importances(fitted, digits, pyplot):
    model = fitted("concat")
    display = GranularityImportanceDisplay.from_estimator(
        model, *digits, n_repeats=3, random_state=0
    )
    result = granularity_importance(model, *digits, n_repeats=3, random_state=0)
    widths = [bar.get_width() for bar in display.bars_]
    assert_allclose(widths, result.importances_mean)
    assert_allclose(display.points_.get_xdata(), result.importances.ravel())
    labels = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert labels == model.granularities_
    bottom, top = display.ax_.get_ylim()
    assert bottom > top  # the finest is above the coarsest


@pytest.mark.parametrize(
    ("method", "words"),
    [("permute", "lost when it is permuted (of 0.9)"), ("only", "gained by it alone")],
)
def test_the_axis_says_what_was_measured(pyplot, method, words):
    display = GranularityImportanceDisplay([[0.5], [0.1]], ["a", "b"], 0.9)
    display.method, display.score_name = method, "accuracy"
    assert f"accuracy {words}" in display.plot().ax_.get_xlabel()
    assert display.points_ is None


@pytest.mark.parametrize(
    ("scoring", "name"), [(None, "accuracy"), ("neg_log_loss", "log loss")]
)
def test_the_score_is_named(fitted, digits, pyplot, scoring, name):
    display = GranularityImportanceDisplay.from_estimator(
        fitted("concat"), *digits, scoring=scoring, method="mean"
    )
    assert display.ax_.get_xlabel().startswith(f"{name} lost without it")


def test_colours_can_be_chosen(pyplot):
    display = GranularityImportanceDisplay([[0.5], [0.1]], ["a", "b"], 0.9)
    assert display.plot(color="red").bars_[0].get_facecolor() == (1, 0, 0, 1)


def test_several_scores_are_drawn_one_by_one(fitted, digits, pyplot):
    scoring = ["accuracy", "f1_macro"]
    with pytest.raises(ValueError, match=r"from_importance\(result\[name\]\)"):
        GranularityImportanceDisplay.from_estimator(
            fitted("concat"), *digits, scoring=scoring
        )
    results = granularity_importance(
        fitted("concat"), *digits, scoring=scoring, method="mean"
    )
    display = GranularityImportanceDisplay.from_importance(results["f1_macro"])
    widths = [bar.get_width() for bar in display.bars_]
    assert_allclose(widths, results["f1_macro"].importances_mean)
