"""How a training went as a picture."""

from __future__ import annotations

import numpy as np

from skmultigran.inspection._axes import (
    BLUE,
    GREY,
    ORANGE,
    WIDTH,
    new_axes,
    plain_frame,
)
from skmultigran.inspection._last_network import last_network


class TrainingHistoryDisplay:
    """Loss, and score on validation images, after each epoch.

    Use `from_estimator` to create a display.

    Parameters
    ----------
    history : list of dict
        `history_` of a fitted estimator: "epoch" and "train_loss" of each epoch; with
        validation images also "valid_loss" and "valid_score".
    best_epoch : int or None, default=None
        Epoch whose weights were kept, if chosen by validation.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        The curves, by their names in `history`.
    axes_ : list of matplotlib Axes
        Axes of the loss and, with validation images, of the score below it.
    figure_ : matplotlib Figure
        Figure with the axes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skmultigran.inspection import TrainingHistoryDisplay
    >>> history = [{"epoch": 1, "train_loss": 0.9}, {"epoch": 2, "train_loss": 0.4}]
    >>> display = TrainingHistoryDisplay(history).plot()
    >>> display.lines_["train_loss"].get_ydata()
    array([0.9, 0.4])
    >>> plt.close(display.figure_)
    """

    def __init__(self, history, *, best_epoch=None):
        self.history = history
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw the training history of an estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `history_`, or a pipeline that ends in one.
        ax : matplotlib Axes or sequence of two, default=None
            Where to draw the loss, and the score. None: a new figure.

        Returns
        -------
        TrainingHistoryDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If nothing was trained.
        """
        if not hasattr(estimator, "history_"):
            found = last_network(estimator, None, cls.__name__, dense=True)
            estimator = found.estimator
        history = getattr(estimator, "history_", None)
        if not history:
            raise ValueError(
                f"{cls.__name__} got a {type(estimator).__name__} without history_: "
                "nothing was trained."
            )
        validated = "valid_loss" in history[-1]
        best = estimator.best_epoch_ if validated else None
        return cls(history, best_epoch=best).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the history.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of two, default=None
            Where to draw the loss, and the score. One: the loss only. None: a new
            figure with as many axes as needed.

        Returns
        -------
        TrainingHistoryDisplay
            The display itself.
        """
        scored = any("valid_score" in epoch for epoch in self.history)
        if ax is None:
            rows = 2 if scored else 1
            size = (WIDTH, 1.0 + 1.9 * rows)
            name = type(self).__name__
            ax = new_axes(name, rows=rows, size=size, sharex=True)[:, 0]
        self.axes_ = list(np.atleast_1d(np.asarray(ax, dtype=object)))
        self.lines_ = {}
        self._draw(self.axes_[0], "train_loss", "training", BLUE, "-")
        self._draw(self.axes_[0], "valid_loss", "validation", ORANGE, "--")
        self._finish(self.axes_[0], "loss per image")
        for below in self.axes_[1:2]:
            self._draw(below, "valid_score", "validation", ORANGE, "--")
            self._finish(below, "score")
        self.axes_[-1].set_xlabel("epoch")
        self.figure_ = self.axes_[0].figure
        return self

    def _draw(self, ax, name, label, colour, style):
        points = [(e["epoch"], e[name]) for e in self.history if name in e]
        if points:
            epochs, values = map(np.array, zip(*points, strict=True))
            marker = "o" if len(epochs) < 25 else ""
            (self.lines_[name],) = ax.plot(
                epochs, values, style, marker=marker, ms=3, color=colour, label=label
            )

    def _finish(self, ax, label):
        if self.best_epoch is not None:
            ax.axvline(
                self.best_epoch,
                color=GREY,
                linewidth=0.8,
                linestyle=":",
                label=f"kept: epoch {self.best_epoch}",
            )
        ax.set_ylabel(label)
        ax.xaxis.get_major_locator().set_params(integer=True)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False)
        plain_frame(ax)
