"""Axes, colours and names of all the pictures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skmultigran._support import import_optional

# Inches; a notebook is some 9 wide.
WIDTH, ROW_HEIGHT = 6.4, 0.45

# Of Okabe and Ito, which the colour-blind tell apart too.
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#555555"
_GREEN, _RED, _SKY, _PURPLE, _YELLOW = (
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#F0E442",
)
DISTINCT = (BLUE, ORANGE, _GREEN, _RED, _SKY, _PURPLE, _YELLOW)


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


def class_colours(count):
    """Return one colour per class; the first is pale, as it often is the ground.

    Parameters
    ----------
    count : int
        Number of classes.

    Returns
    -------
    ndarray of shape (count, 3)
        Eight colours that the colour-blind tell apart, then darker and paler ones of
        the same hues, and the same again.
    """
    colors = import_optional("matplotlib.colors", caller="a display", extra="plot")
    hues = np.array([colors.to_rgb(name) for name in DISTINCT])
    ground = np.full((1, 3), 0.88)
    known = np.concatenate([ground, hues, 0.45 * hues, 0.45 + 0.55 * hues])
    return known[np.arange(count) % len(known)]


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


def panels(ax, caller, shape, size):
    """Return a table of axes: new ones, those given, or such in the place of one.

    Parameters
    ----------
    ax : Axes, array-like of them, or None
        Where to draw, as `plot` was told.
    caller : str
        Name of the display, for messages.
    shape : tuple of int
        Rows and columns of the table.
    size : tuple of float
        Width and height of a new figure in inches.

    Returns
    -------
    ndarray of Axes of shape `shape`
        The axes.

    Raises
    ------
    ValueError
        If other numbers of axes are given than are drawn into.
    """
    if ax is None:
        return new_axes(caller, rows=shape[0], columns=shape[1], size=size)
    given = np.asarray(ax, dtype=object)
    if given.size == shape[0] * shape[1]:
        return given.reshape(shape)
    if given.size == 1:
        return _within(given.item(), shape)
    raise ValueError(
        f"{caller}.plot got {given.size} axes, but it draws {shape[0]} rows of "
        f"{shape[1]}. Pass as many, or one whose place they take."
    )


def _within(ax, shape):
    """Return a table of axes in the place of one."""
    ax.set_axis_off()
    spec = ax.get_subplotspec()
    if spec is not None:
        return spec.subgridspec(*shape).subplots(squeeze=False)
    # Axes that were put somewhere by their coordinates, such as insets.
    gridspec = import_optional("matplotlib.gridspec", caller="a display", extra="plot")
    grid = gridspec.GridSpec(*shape, left=0, bottom=0, right=1, top=1)
    bottoms, tops, lefts, rights = grid.get_grid_positions(ax.figure)
    table = np.empty(shape, dtype=object)
    for row, column in np.ndindex(shape):
        left, bottom = lefts[column], bottoms[row]
        size = rights[column] - left, tops[row] - bottom
        table[row, column] = ax.inset_axes((left, bottom, *size))
    return table


def class_name(label, names):
    """Return what a class is called in a picture.

    Parameters
    ----------
    label : label
        Its label.
    names : sequence of str, dict of label to str, or None
        The names that are known.

    Returns
    -------
    str
        The name; the label itself where there is none.
    """
    # A list takes Python's True as 1, but not numpy's, and -1 as the last.
    label = label.item() if hasattr(label, "item") else label
    if isinstance(names, Mapping):
        return str(names.get(label, label))
    known = names is not None and isinstance(label, int) and 0 <= label < len(names)
    return str(names[label] if known else label)


def show_image(ax, image):
    """Draw an image, without ticks.

    Parameters
    ----------
    ax : Axes
        The axes.
    image : ndarray of shape (height, width, n_channels)
        Values in [0, 1]; three channels are shown in colour, any others as their mean.

    Returns
    -------
    AxesImage
        What was drawn.
    """
    ax.set(xticks=[], yticks=[])
    if image.shape[-1] == 3:
        return ax.imshow(np.clip(image, 0, 1))
    return ax.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=1)
