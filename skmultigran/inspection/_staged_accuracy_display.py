"""What early answers cost and gain as a picture."""

from __future__ import annotations

import numpy as np

from skmultigran.estimators import exit_stages, thresholds_to_try
from skmultigran.inspection._axes import BLUE, ORANGE, WIDTH, new_axes, plain_frame
from skmultigran.inspection._last_network import last_network
from skmultigran.inspection._staged_costs import staged_costs

_HEIGHT = 3.8


class StagedAccuracyDisplay:
    """Accuracy against cost, for every stage and for early exit.

    Use `from_estimator` to create a display.

    Parameters
    ----------
    costs : array-like of shape (n_stages,)
        Cost of a prediction at each stage, relative to that of full prediction.
    accuracies : array-like of shape (n_stages,)
        Accuracy of each stage.
    stages : sequence of str
        Names of the stages, as in `stages_` of the estimator.
    exits : array-like of shape (n_thresholds, 2), default=None
        Mean cost and accuracy of early exit, for decreasing thresholds.
    chosen : array-like of shape (2,), default=None
        Mean cost and accuracy for the threshold that the estimator uses.

    Attributes
    ----------
    stages_line_ : matplotlib Line2D
        Accuracy of each stage against its cost.
    exits_line_ : matplotlib Line2D or None
        Accuracy of early exit against its mean cost.
    chosen_point_ : matplotlib Line2D or None
        The threshold in use.
    texts_ : list of matplotlib Text
        Names at the stages.
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure with the axes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skmultigran.inspection import StagedAccuracyDisplay
    >>> stages = ["s0.50_l0", "s1.00_l0", "fused"]
    >>> display = StagedAccuracyDisplay([0.2, 0.9, 1], [0.7, 0.8, 0.9], stages).plot()
    >>> display.stages_line_.get_ydata()
    array([0.7, 0.8, 0.9])
    >>> plt.close(display.figure_)
    """

    def __init__(self, costs, accuracies, stages, *, exits=None, chosen=None):
        self.costs = costs
        self.accuracies = accuracies
        self.stages = stages
        self.exits = exits
        self.chosen = chosen

    @classmethod
    def from_estimator(cls, estimator, X, y, *, ax=None):
        """Predict images once, and draw the results for all thresholds.

        The cost is the number of multiplications and additions in convolutions and
        matrix products, as counted by torch; it does not depend on the machine.

        Parameters
        ----------
        estimator : estimator
            A classifier fitted with `deep_supervision=True`, or a pipeline that ends in
            one.
        X : array-like
            Images.
        y : array-like of shape (n,) or (n, n_columns)
            Their labels.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.

        Returns
        -------
        StagedAccuracyDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the estimator was fitted without deep supervision.
        TypeError
            If it does not support early exit.
        """
        model, X, _ = last_network(estimator, X, cls.__name__)
        if not hasattr(model, "staged_predict"):
            raise TypeError(
                f"{cls.__name__} got a {type(model).__name__}, which does not answer "
                "early. Pass a MultiGranularityClassifier fitted with "
                "deep_supervision=True."
            )
        confidences, right = model._staged_judgements(X, y, cls.__name__)
        costs = staged_costs(model)

        def at(threshold):
            ends = exit_stages(confidences, threshold)
            return costs[ends].mean(), right[np.arange(len(right)), ends].mean()

        threshold = model._exit_threshold()
        return cls(
            costs,
            right.mean(axis=0),
            model.stages_,
            exits=[at(threshold) for threshold in thresholds_to_try(confidences)],
            chosen=None if threshold is None else at(threshold),
        ).plot(ax=ax)

    def plot(self, ax=None):
        """Draw accuracy against cost.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.

        Returns
        -------
        StagedAccuracyDisplay
            The display itself.
        """
        if ax is None:
            ax = new_axes(type(self).__name__, size=(WIDTH, _HEIGHT))[0, 0]
        (self.stages_line_,) = ax.plot(
            np.asarray(self.costs),
            np.asarray(self.accuracies),
            "o--",
            color=BLUE,
            label="all images end at one stage",
        )
        self.exits_line_ = self._draw_exits(ax)
        self.chosen_point_ = self._draw_chosen(ax)
        self.texts_ = self._draw_names(ax)
        ax.set_xlim(0, 1.15 * max(1, *self.costs))
        ax.set_xlabel("multiplications and additions, share of full prediction")
        ax.set_ylabel("accuracy")
        ax.legend(frameon=False, loc="lower right")
        plain_frame(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_names(self, ax):
        texts = []
        for name, *place in zip(self.stages, self.costs, self.accuracies, strict=True):
            # The last stage costs hardly more than the one before: its name goes above.
            above = name == self.stages[-1]
            text = ax.annotate(
                name,
                place,
                xytext=(4, 4 if above else -4),
                textcoords="offset points",
                va="bottom" if above else "top",
                fontsize="small",
                color=BLUE,
            )
            texts.append(text)
        return texts

    def _draw_exits(self, ax):
        if self.exits is None:
            return None
        costs, accuracies = np.asarray(self.exits).T
        label = "each image ends when it is sure"
        return ax.plot(costs, accuracies, color=ORANGE, label=label)[0]

    def _draw_chosen(self, ax):
        if self.chosen is None:
            return None
        cost, accuracy = self.chosen
        style = {"color": "black", "markersize": 9, "linestyle": "none"}
        return ax.plot(
            [cost], [accuracy], marker="D", label="threshold in use", **style
        )[0]
