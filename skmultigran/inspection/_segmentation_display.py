"""Masks beside their images."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from skmultigran._support import import_optional
from skmultigran.inspection._axes import (
    WIDTH,
    class_colours,
    class_name,
    panels,
    show_image,
)
from skmultigran.inspection._last_network import best_of, learned_attribute
from skmultigran.inspection._shown_images import check_as_many, shown_images

_LARGEST_CELL = 2.2  # inches
# So many classes are told apart by their colours; of more, regions are named too.
_TOLD_BY_COLOUR = 8
# A name needs room: so many of the mask's sides between its place and the border.
_ROOM = 0.03


class SegmentationDisplay:
    """Visualization of images with their true and predicted masks.

    Each row is one image. The legend names the classes that occur; if there are more
    than eight, the largest region of each class in a mask is labelled too.

    Use `from_estimator` or `from_predictions` to create a display.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width, n_channels)
        The images, with values in [0, 1].
    y_true : sequence of ndarray of int of shape (height, width), or None
        Their true masks; None: unknown, and not drawn.
    y_pred : sequence of ndarray of int of shape (height, width)
        The predicted masks.
    class_names : sequence of str or dict of int to str, default=None
        Name of each class, by its label. Labels without a name are shown as they are.
    ignore_label : int or None, default=None
        Label of unlabelled pixels, which are drawn white.

    Attributes
    ----------
    masks_ : ndarray of matplotlib AxesImage of shape (n, 1 or 2)
        The drawn masks: true ones, if given, and predicted ones.
    texts_ : list of matplotlib Text
        Names of regions.
    legend_ : matplotlib Legend
        The colours of the classes.
    axes_ : ndarray of matplotlib Axes of shape (n, 2 or 3)
        All axes; the first column has the images.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    DetectionDisplay : Boxes instead of masks.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skmultigran.datasets import make_digit_scenes
    >>> from skmultigran.inspection import SegmentationDisplay
    >>> scenes = make_digit_scenes(2, random_state=0)
    >>> display = SegmentationDisplay.from_predictions(
    ...     scenes.images, scenes.masks, scenes.masks, class_names=scenes.mask_names
    ... )
    >>> display.axes_.shape
    (2, 3)
    >>> plt.close(display.figure_)
    """

    def __init__(self, images, y_true, y_pred, *, class_names=None, ignore_label=None):
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.class_names = class_names
        self.ignore_label = ignore_label

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, class_names=None, ignore_label=None, ax=None
    ):
        """Predict the masks of a few images and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted `MultiGranularitySegmenter`, or any model whose `predict` returns
            masks of the original image sizes.
        X : array-like
            A few images accepted by the estimator; one row is drawn per image.
        y : array-like, default=None
            Their true masks; None: not drawn.
        class_names : sequence of str or dict of int to str, default=None
            Name of each class, by its label.
        ignore_label : int or None, default=None
            Label of unlabelled pixels. None: that of the estimator.
        ax : matplotlib Axes or array-like of them, default=None
            As in `plot`.

        Returns
        -------
        SegmentationDisplay
            The display, drawn.
        """
        if ignore_label is None:
            ignore_label = learned_attribute(estimator, "ignore_label", cls.__name__)
        images = shown_images(X, cls.__name__, best_of(estimator))
        masks = _checked(images, y, "y", cls.__name__)
        found = _checked(images, estimator.predict(X), "predict(X)", cls.__name__)
        display = cls(
            images, masks, found, class_names=class_names, ignore_label=ignore_label
        )
        return display.plot(ax=ax)

    @classmethod
    def from_predictions(
        cls, X, y_true, y_pred, *, class_names=None, ignore_label=None, ax=None
    ):
        """Draw masks that were predicted before.

        Parameters
        ----------
        X : array-like
            A few images: arrays, Pillow images or file paths.
        y_true : array-like or None
            Their true masks; None: not drawn.
        y_pred : array-like
            The predicted masks.
        class_names : sequence of str or dict of int to str, default=None
            Name of each class, by its label.
        ignore_label : int or None, default=None
            Label of unlabelled pixels.
        ax : matplotlib Axes or array-like of them, default=None
            As in `plot`.

        Returns
        -------
        SegmentationDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is not one mask of its own size for each image.
        """
        images = shown_images(X, cls.__name__)
        masks = _checked(images, y_true, "y_true", cls.__name__)
        found = _checked(images, y_pred, "y_pred", cls.__name__)
        display = cls(
            images, masks, found, class_names=class_names, ignore_label=ignore_label
        )
        return display.plot(ax=ax)

    def plot(self, ax=None):
        """Draw the masks.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            Where to draw: axes of the shape of `axes_`, or one to be replaced by them.
            None: a new figure.

        Returns
        -------
        SegmentationDisplay
            The display itself.
        """
        kinds = {"true": self.y_true, "predicted": self.y_pred}
        kinds = {name: masks for name, masks in kinds.items() if masks is not None}
        rows, columns = len(self.images), 1 + len(kinds)
        height, width = np.max([image.shape[:2] for image in self.images], axis=0)
        cell = min(_LARGEST_CELL, 0.8 * WIDTH / columns)
        size = (cell * columns + 1.3, (cell * height / width + 0.1) * rows + 0.3)
        self.axes_ = panels(ax, type(self).__name__, (rows, columns), size)
        self.figure_ = self.axes_[0, 0].figure
        for axes, name in zip(self.axes_[0], ["image", *kinds], strict=True):
            axes.set_title(name, fontsize="small")
        colours = self._colours(kinds.values())
        self.texts_ = []
        self.masks_ = np.array(
            [self._draw_row(row, list(kinds.values()), colours) for row in range(rows)]
        )
        self.legend_ = self._draw_legend(colours)
        return self

    def _colours(self, kinds):
        """Return the colour of each label that occurs, in the order of labels."""
        found = {label for masks in kinds for m in masks for label in np.unique(m)}
        labels = sorted(found - {self.ignore_label})
        return dict(zip(labels, class_colours(len(labels)), strict=True))

    def _draw_row(self, row, kinds, colours):
        show_image(self.axes_[row, 0], np.asarray(self.images[row]))
        drawn = []
        for axes, masks in zip(self.axes_[row, 1:], kinds, strict=True):
            mask = np.asarray(masks[row])
            picture = np.ones((*mask.shape, 3))
            for label, colour in colours.items():
                picture[mask == label] = colour
            drawn.append(axes.imshow(picture))
            axes.set(xticks=[], yticks=[])
            if len(colours) > _TOLD_BY_COLOUR:
                self._name_regions(axes, mask, colours)
        return drawn

    def _name_regions(self, axes, mask, colours):
        """Write the name of each class into its largest region, where there is room."""
        for label, colour in colours.items():
            place, room = _deepest(mask == label)
            if room < _ROOM * min(mask.shape):
                continue
            text = axes.text(
                *place[::-1],
                class_name(label, self.class_names),
                color="black" if colour.mean() > 0.45 else "white",
                fontsize="xx-small",
                ha="center",
                va="center",
            )
            self.texts_.append(text)

    def _draw_legend(self, colours):
        patches = import_optional(
            "matplotlib.patches", caller=type(self).__name__, extra="plot"
        )
        handles = [
            patches.Patch(
                facecolor=colour,
                edgecolor="grey",
                label=class_name(label, self.class_names),
            )
            for label, colour in colours.items()
        ]
        return self.axes_[0, -1].legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(1.03, 1),
            borderaxespad=0,
            fontsize="small",
            frameon=False,
        )


def _deepest(region):
    """Return the place of a region that is farthest from its border, and how far."""
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    place = np.unravel_index(depth.argmax(), depth.shape)
    return place, depth[place]


def _checked(images, masks, name, caller):
    """Return masks as a list of arrays, each of its image's size."""
    if masks is None:
        return None
    check_as_many(images, masks, name, caller)
    masks = [np.asarray(mask) for mask in masks]
    for row, (image, mask) in enumerate(zip(images, masks, strict=True)):
        if mask.shape != image.shape[:2]:
            raise ValueError(
                f"{caller}: the image of row {row} has {image.shape[0]} x "
                f"{image.shape[1]} pixels, but its mask in {name} has shape "
                f"{mask.shape}. A mask is an array (h, w) of its image's size."
            )
    return masks
