"""Where each granularity sees evidence, side by side from local to global."""

from __future__ import annotations

import numpy as np

from skmultigran._support import import_optional
from skmultigran.inspection._axes import WIDTH, panels, show_image
from skmultigran.inspection._maps import granularity_maps

# Evidence of either sign up to this share of the pixels gets its own colour.
_QUANTILE = 0.995
_CELL = 1.25  # inches


class GranularityMapDisplay:
    """Maps of the evidence of each granularity, from local to global, and their sum.

    Each row is one image. Orange is evidence for the prediction, purple against it. All
    maps of a row share one square-root scale, since the evidence of coarse
    granularities is spread over many pixels and would be pale compared with fine ones.
    The number above a map is its sum.

    Use `from_estimator` to create a display.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, n_channels)
        The images, with values in [0, 1].
    maps : ndarray of shape (n, n_granularities, height, width)
        Evidence, as returned by `granularity_maps`.
    granularities : sequence of str
        Their names, from fine to coarse.
    titles : sequence of str, default=None
        A title for each image, such as the explained prediction.

    Attributes
    ----------
    images_ : ndarray of matplotlib AxesImage of shape (n, n_granularities + 1)
        The maps, and their sum as the last one.
    axes_ : ndarray of matplotlib Axes of shape (n, n_granularities + 2)
        All axes; the first column has the images themselves.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    granularity_maps : The numbers.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from skmultigran.inspection import GranularityMapDisplay
    >>> images, maps = np.zeros((1, 8, 8, 1)), np.ones((1, 2, 8, 8))
    >>> display = GranularityMapDisplay(images, maps, ["s1.00_l0", "s1.00_l1"])
    >>> display.plot().axes_.shape
    (1, 4)
    >>> plt.close(display.figure_)
    """

    def __init__(self, images, maps, granularities, *, titles=None):
        self.images = images
        self.maps = maps
        self.granularities = granularities
        self.titles = titles

    @classmethod
    def from_estimator(
        cls, estimator, X, *, target=None, n_steps=32, ax=None, **kwargs
    ):
        """Compute the maps of a few images and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier or regressor, as accepted by `granularity_maps`.
        X : array-like
            A few images; each is a row.
        target : label, int or array-like of shape (n,), default=None
            Target of the evidence; None: the predicted class.
        n_steps : int, default=32
            As in `granularity_maps`.
        ax : matplotlib Axes or array-like of them, default=None
            As in `plot`.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow` for the maps.

        Returns
        -------
        GranularityMapDisplay
            The display, drawn.
        """
        found = granularity_maps(estimator, X, target=target, n_steps=n_steps)
        classes = getattr(estimator, "classes_", None)
        titles = None
        if isinstance(classes, np.ndarray):
            titles = [f"for {label}" for label in classes[found.targets].tolist()]
        display = cls(found.images, found.maps, found.granularities, titles=titles)
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the maps.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            Where to draw: axes of the shape of `axes_`, or one to be replaced by them.
            None: a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow` for the maps.

        Returns
        -------
        GranularityMapDisplay
            The display itself.
        """
        maps = np.asarray(self.maps)
        drawn = np.concatenate([maps, maps.sum(axis=1, keepdims=True)], axis=1)
        rows, columns = len(maps), drawn.shape[1] + 1
        cell = min(_CELL, 1.5 * WIDTH / columns)
        size = (cell * columns, (cell + 0.25) * rows + 0.3)
        self.axes_ = panels(ax, type(self).__name__, (rows, columns), size)
        self.figure_ = self.axes_[0, 0].figure
        names = ["image", *self.granularities, "all together"]
        for axes, name in zip(self.axes_[0], names, strict=True):
            axes.set_title(name, fontsize="small", pad=16 if name != "image" else 6)
        self.images_ = np.array(
            [self._draw_row(row, drawn[row], kwargs) for row in range(rows)]
        )
        return self

    def _draw_row(self, row, evidence, kwargs):
        first, *others = self.axes_[row]
        show_image(first, np.asarray(self.images[row]))
        if self.titles is not None:
            first.set_ylabel(self.titles[row], fontsize="small")
        limit = np.quantile(np.abs(evidence), _QUANTILE) or 1
        style = {"cmap": "PuOr_r", "norm": _roots(limit)} | kwargs
        drawn = []
        for axes, map_ in zip(others, evidence, strict=True):
            drawn.append(axes.imshow(map_, **style))
            axes.text(
                0.5,
                1.02,
                f"{map_.sum():+.2f}",
                transform=axes.transAxes,
                ha="center",
                va="bottom",
                fontsize="x-small",
            )
        for axes in self.axes_[row]:
            axes.set(xticks=[], yticks=[])
        return drawn


def _roots(limit):
    """Return the scale of colours: of signed square roots, up to a limit."""
    colors = import_optional("matplotlib.colors", caller="a display", extra="plot")
    return colors.FuncNorm(
        (lambda v: np.sign(v) * np.sqrt(np.abs(v)), lambda v: np.sign(v) * v**2),
        vmin=-limit,
        vmax=limit,
    )
