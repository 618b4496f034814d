"""Importances of granularities as a picture."""

from __future__ import annotations

import numpy as np
from sklearn.base import is_classifier, is_regressor

from skmultigran.inspection._axes import (
    GREY,
    ROW_HEIGHT,
    WIDTH,
    granularities_downwards,
    granularity_colours,
    new_axes,
    plain_frame,
)
from skmultigran.inspection._importance import granularity_importance

_MEANINGS = {
    "permute": "{} lost when it is permuted (of {:.3g})",
    "mean": "{} lost without it (of {:.3g})",
    "only": "{} gained by it alone (over {:.3g})",
}


class GranularityImportanceDisplay:
    """Bar plot of granularity importances, from local to global.

    Use `from_estimator` or `from_importance` to create a display.

    Parameters
    ----------
    importances : ndarray of shape (n_granularities, n_repeats)
        Decrease, or increase, of the score in each repeat.
    granularities : sequence of str
        Their names, from fine to coarse.
    baseline : float
        Score from which it decreases, or increases.
    method : {"permute", "mean", "only"}, default="permute"
        Method used to compute the importances, which determines the axis label.
    score_name : str, default="score"
        Name of the score.

    Attributes
    ----------
    bars_ : matplotlib BarContainer
        The means.
    points_ : matplotlib Line2D or None
        Each repeat, if there are several.
    ax_ : matplotlib Axes
        Axes with the bars.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    granularity_importance : The numbers.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skmultigran.inspection import GranularityImportanceDisplay
    >>> display = GranularityImportanceDisplay(
    ...     importances=[[0.30, 0.34], [0.10, 0.12]],
    ...     granularities=["s1.00_l0", "s1.00_l1"],
    ...     baseline=0.98,
    ... )
    >>> float(display.plot().bars_[0].get_width())
    0.32
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        importances,
        granularities,
        baseline,
        *,
        method="permute",
        score_name="score",
    ):
        self.importances = importances
        self.granularities = granularities
        self.baseline = baseline
        self.method = method
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        scoring=None,
        n_repeats=5,
        method="permute",
        random_state=None,
        n_jobs=None,
        sample_weight=None,
        score_name=None,
        ax=None,
        **kwargs,
    ):
        """Compute importances and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted model accepted by `granularity_importance`.
        X : array-like
            Images.
        y : array-like
            Their targets.
        scoring : str, callable or None, default=None
            One score, as in `granularity_importance`.
        n_repeats : int, default=5
            Number of permutations of each granularity.
        method : {"permute", "mean", "only"}, default="permute"
            As in `granularity_importance`.
        random_state : int, RandomState instance or None, default=None
            Seed of the permutations.
        n_jobs : int or None, default=None
            Number of threads that compute scores.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images in the score.
        score_name : str, default=None
            Name of the score. None: that of `scoring`.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        GranularityImportanceDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there are several scores, such as those of several tasks.
        """
        result = granularity_importance(
            estimator,
            X,
            y,
            scoring=scoring,
            n_repeats=n_repeats,
            method=method,
            random_state=random_state,
            n_jobs=n_jobs,
            sample_weight=sample_weight,
        )
        if "importances" not in result:
            raise ValueError(
                f"{cls.__name__} draws one score, but there are several: "
                f"{', '.join(result)}. Take granularity_importance, and draw each with "
                f"{cls.__name__}.from_importance(result[name])."
            )
        return cls.from_importance(
            result,
            method=method,
            score_name=score_name or _score_name(estimator, scoring),
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_importance(
        cls, importance, *, method="permute", score_name="score", ax=None, **kwargs
    ):
        """Draw importances that were computed before.

        Parameters
        ----------
        importance : Bunch
            One result of `granularity_importance`.
        method : {"permute", "mean", "only"}, default="permute"
            Method used to compute them.
        score_name : str, default="score"
            Name of the score.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        GranularityImportanceDisplay
            The display, drawn.
        """
        display = cls(
            importance["importances"],
            importance["granularities"],
            importance["baseline"],
            method=method,
            score_name=score_name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the importances.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        GranularityImportanceDisplay
            The display itself.
        """
        importances = np.asarray(self.importances, dtype=float)
        count, repeats = importances.shape
        if ax is None:
            size = (WIDTH, 1.0 + ROW_HEIGHT * count)
            ax = new_axes(type(self).__name__, size=size)[0, 0]
        colours = granularity_colours(count)
        bar = {"color": colours, "height": 0.7} | kwargs
        self.bars_ = ax.barh(np.arange(count), importances.mean(axis=1), **bar)
        self.points_ = None
        if repeats > 1:
            self.points_ = _draw_repeats(ax, importances)
        ax.axvline(0, color=GREY, linewidth=0.8)
        granularities_downwards(ax, self.granularities)
        ax.set_xlabel(_MEANINGS[self.method].format(self.score_name, self.baseline))
        plain_frame(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _draw_repeats(ax, importances):
    """Draw one point per repeat, spread across its bar."""
    count, repeats = importances.shape
    offsets = np.linspace(-0.2, 0.2, repeats)
    levels = np.arange(count)[:, None] + offsets
    (points,) = ax.plot(
        importances.ravel(),
        levels.ravel(),
        "o",
        markersize=4,
        markerfacecolor="white",
        markeredgecolor="black",
        markeredgewidth=0.8,
    )
    return points


def _score_name(estimator, scoring):
    if isinstance(scoring, str):
        return scoring.removeprefix("neg_").replace("_", " ")
    if scoring is not None:
        return "score"
    if is_classifier(estimator):
        return "accuracy"
    return "R²" if is_regressor(estimator) else "score"
