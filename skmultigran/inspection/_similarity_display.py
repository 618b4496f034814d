"""Similarities of granularities as a picture."""

from __future__ import annotations

import numpy as np

from skmultigran.inspection._axes import new_axes
from skmultigran.inspection._similarity import granularity_similarity

_CELL = 0.7  # inches
# Above it the colours of cividis are light.
_LIGHT = 0.6


class GranularitySimilarityDisplay:
    """Heat map of the similarity of each pair of granularities.

    Use `from_estimator` to create a display.

    Parameters
    ----------
    similarity : ndarray of shape (n_granularities, n_granularities)
        Linear CKA, as returned by `granularity_similarity`.
    granularities : sequence of str
        Their names, from fine to coarse.

    Attributes
    ----------
    im_ : matplotlib AxesImage
        The cells.
    text_ : ndarray of matplotlib Text of shape (n_granularities, n_granularities)
        The numbers in the cells.
    ax_ : matplotlib Axes
        Axes with the cells.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    granularity_similarity : The numbers.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skmultigran.inspection import GranularitySimilarityDisplay
    >>> similarity = [[1.0, 0.4], [0.4, 1.0]]
    >>> display = GranularitySimilarityDisplay(similarity, ["s1.00_l0", "s1.00_l1"])
    >>> display.plot().text_[0, 1].get_text()
    '0.40'
    >>> plt.close(display.figure_)
    """

    def __init__(self, similarity, granularities):
        self.similarity = similarity
        self.granularities = granularities

    @classmethod
    def from_estimator(cls, estimator, X, *, ax=None, **kwargs):
        """Compute similarities and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted model accepted by `granularity_similarity`.
        X : array-like
            Images.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        GranularitySimilarityDisplay
            The display, drawn.
        """
        found = granularity_similarity(estimator, X)
        return cls(found.similarity, found.granularities).plot(ax=ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the similarities.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        GranularitySimilarityDisplay
            The display itself.
        """
        values = np.asarray(self.similarity, dtype=float)
        count = len(values)
        if ax is None:
            size = (_CELL * count + 1.6, _CELL * count + 0.9)
            ax = new_axes(type(self).__name__, size=size)[0, 0]
        style = {"cmap": "cividis", "vmin": 0, "vmax": 1} | kwargs
        self.im_ = ax.imshow(values, **style)
        self.text_ = np.empty(values.shape, dtype=object)
        for row, column in np.ndindex(values.shape):
            value = values[row, column]
            colour = "black" if value > _LIGHT else "white"
            self.text_[row, column] = ax.text(
                column, row, f"{value:.2f}", ha="center", va="center", color=colour
            )
        ax.set_xticks(range(count), self.granularities, rotation=45, ha="right")
        ax.set_yticks(range(count), self.granularities)
        ax.set_xlabel("fine  \N{RIGHTWARDS ARROW}  coarse")
        ax.set_title("linear CKA", loc="left", fontsize="medium")
        self.ax_, self.figure_ = ax, ax.figure
        return self
