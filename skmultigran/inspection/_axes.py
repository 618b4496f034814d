"""Axes and colours of all the pictures."""

from __future__ import annotations

import numpy as np

from skmultigran._support import import_optional

# Inches; a notebook is some 9 wide.
WIDTH, ROW_HEIGHT = 6.4, 0.45

# Of Okabe and Ito, which the colour-blind tell apart too.
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#555555"


def new_axes(caller, *, rows=1, columns=1, size, **kwargs):
    """Return the axes of a new figure, as pyplot makes it.

    Parameters
    ----------
    caller : str
        Name of the display, for the message where matplotlib is missing.
    rows, columns : int, default=1
        Number of axes.
    size : tuple of float
        Width and height of the figure in inches.
    **kwargs : dict
        Passed to `matplotlib.pyplot.subplots`.

    Returns
    -------
    ndarray of Axes of shape (rows, columns)
        The axes.
    """
    pyplot = import_optional("matplotlib.pyplot", caller=caller, extra="plot")
    _, axes = pyplot.subplots(
        rows, columns, figsize=size, squeeze=False, layout="constrained", **kwargs
    )
    return axes


def granularity_colours(count):
    """Return one colour per granularity: from light for fine to dark for coarse.

    Parameters
    ----------
    count : int
        Number of granularities.

    Returns
    -------
    ndarray of shape (count, 4)
        Colours of cividis, which is made for the colour-blind.
    """
    colormaps = import_optional("matplotlib", caller="a display", extra="plot")
    return colormaps.colormaps["cividis"](np.linspace(0.88, 0.12, count))


def plain_frame(ax):
    """Leave only the axis lines that say something.

    Parameters
    ----------
    ax : Axes
        The axes.
    """
    ax.spines[["top", "right"]].set_visible(False)


def granularities_downwards(ax, granularities):
    """Name the granularities along the vertical axis, the finest on top.

    Parameters
    ----------
    ax : Axes
        The axes.
    granularities : sequence of str
        The names, fine to coarse.
    """
    ax.set_yticks(range(len(granularities)), granularities)
    ax.set_ylim(len(granularities) - 0.4, -0.6)
    ax.set_ylabel("coarse  \N{LEFTWARDS ARROW}  fine")
