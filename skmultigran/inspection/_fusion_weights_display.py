"""Weights of granularities in a fusion as a picture."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_consistent_length

from skmultigran.inspection._axes import (
    ROW_HEIGHT,
    WIDTH,
    granularity_colours,
    new_axes,
    plain_frame,
)
from skmultigran.inspection._last_network import last_network
from skmultigran.inspection._weights import granularity_weights

# Below this share a number does not fit into its bar.
_SMALLEST_LABELLED = 0.07


class FusionWeightsDisplay:
    """Weights of the granularities in the fusion, over all images and per class.

    Use `from_estimator` to create a display.

    Parameters
    ----------
    weights : ndarray of shape (n, n_granularities)
        Weights, as returned by `granularity_weights`.
    granularities : sequence of str
        Their names, from fine to coarse.
    y : array-like of shape (n,), default=None
        Labels of the images; one more bar is drawn for each label.

    Attributes
    ----------
    bars_ : list of matplotlib BarContainer
        One per granularity: the mean over all images, then over those of each label.
    legend_ : matplotlib Legend
        Names of the granularities.
    ax_ : matplotlib Axes
        Axes with the bars.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    granularity_weights : The numbers.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skmultigran.inspection import FusionWeightsDisplay
    >>> weights = [[0.5, 0.5], [0.25, 0.75]]
    >>> display = FusionWeightsDisplay(weights, ["s1.00_l0", "s1.00_l1"]).plot()
    >>> float(display.bars_[1][0].get_width())
    0.625
    >>> plt.close(display.figure_)
    """

    def __init__(self, weights, granularities, *, y=None):
        self.weights = weights
        self.granularities = granularities
        self.y = y

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, ax=None, **kwargs):
        """Compute the weights of images and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator whose fusion has weights, as accepted by
            `granularity_weights`.
        X : array-like
            Images.
        y : array-like of shape (n,), default=None
            Labels of the images; one more bar is drawn for each label.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        FusionWeightsDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the fusion has no weights, or if there are several tasks.
        """
        weights = granularity_weights(estimator, X)
        if isinstance(weights, dict):
            raise ValueError(
                f"{cls.__name__} draws the weights of one answer, but there are "
                f"several: {', '.join(weights)}. Take granularity_weights, and draw "
                f"each with {cls.__name__}(weights[name], granularities).plot()."
            )
        model = last_network(estimator, None, cls.__name__).estimator
        return cls(weights, model.granularities_, y=y).plot(ax=ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the weights.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        FusionWeightsDisplay
            The display itself.
        """
        names, means = self._means()
        if ax is None:
            size = (WIDTH, 1.4 + 0.75 * ROW_HEIGHT * len(names))
            ax = new_axes(type(self).__name__, size=size)[0, 0]
        colours = granularity_colours(means.shape[1])
        ends = means.cumsum(axis=1)
        self.bars_ = []
        for number, name in enumerate(self.granularities):
            widths = means[:, number]
            bar = {"color": colours[number], "height": 0.8, "label": name} | kwargs
            bars = ax.barh(
                np.arange(len(names)), widths, left=ends[:, number] - widths, **bar
            )
            _label(ax, bars, widths, dark=number >= (means.shape[1] - 1) / 2)
            self.bars_.append(bars)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.set_xlim(0, 1)
        ax.set_xlabel("share in the fusion, mean over images")
        self.legend_ = ax.legend(
            title="fine to coarse",
            ncols=min(6, len(self.granularities)),
            alignment="left",
            columnspacing=1,
            handlelength=1,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            frameon=False,
        )
        plain_frame(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _means(self):
        """Return names and mean weights: of all images, and of those of each label."""
        weights = np.asarray(self.weights, dtype=float)
        if self.y is None:
            return ["all"], weights.mean(axis=0)[None]
        y = np.asarray(self.y)
        check_consistent_length(weights, y)
        labels = np.unique(y)
        means = [weights.mean(axis=0), *(weights[y == k].mean(axis=0) for k in labels)]
        return ["all", *map(str, labels)], np.stack(means)


def _label(ax, bars, widths, *, dark):
    texts = [f"{w:.2f}" if w >= _SMALLEST_LABELLED else "" for w in widths]
    colour = "white" if dark else "black"
    ax.bar_label(bars, texts, label_type="center", color=colour, fontsize="small")
