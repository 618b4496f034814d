import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmultigran import MultiGranularityTransformer
from skmultigran.inspection import TrainingHistoryDisplay


def test_without_validation_the_training_loss(fitted, pyplot):
    model = make_pipeline(FunctionTransformer(), fitted("concat"))
    display = TrainingHistoryDisplay.from_estimator(model)
    (name, line), (ax,) = *display.lines_.items(), display.axes_
    assert name == "train_loss"
    losses = [epoch["train_loss"] for epoch in model[-1].history_]
    assert_array_equal(line.get_ydata(), losses)
    assert_array_equal(line.get_xdata(), range(1, 7))
    assert ax.get_xlabel() == "epoch"


def test_with_validation_also_its_loss_and_score(fitted, digits, pyplot):
    X, y = digits
    model = clone(fitted("concat")).set_params(max_epochs=3)
    model.fit(X, y, X_val=X[:50], y_val=y[:50])
    display = TrainingHistoryDisplay.from_estimator(model)
    assert list(display.lines_) == ["train_loss", "valid_loss", "valid_score"]
    scores = [epoch["valid_score"] for epoch in model.history_]
    assert_array_equal(display.lines_["valid_score"].get_ydata(), scores)
    assert display.best_epoch == model.best_epoch_
    legend = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert legend == ["training", "validation", f"kept: epoch {model.best_epoch_}"]
    _, axes = pyplot.subplots(1, 2)
    assert list(display.plot(ax=axes).axes_) == list(axes)


def test_what_was_not_trained_has_no_history(digits):
    transformer = MultiGranularityTransformer().fit(digits[0])
    with pytest.raises(ValueError, match="nothing was trained"):
        TrainingHistoryDisplay.from_estimator(transformer)
