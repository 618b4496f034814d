"""Boxes on their images, and which level found each."""

from __future__ import annotations

import math

import numpy as np

from skmultigran._support import import_optional
from skmultigran.inspection._axes import DISTINCT, class_name, panels, show_image
from skmultigran.inspection._last_network import best_of, learned_attribute
from skmultigran.inspection._shown_images import shown_images
from skmultigran.inspection._shown_objects import shown_objects

_COLUMNS = 3
_MARGIN = 1.2  # inches, for the legend
_CELL = 2.6  # inches
# Texts of boxes beyond this share of the width end with the box.
_FAR = 0.85
# Of levels, fine to coarse; the light ones first, which show on any image.
_COLOURS = tuple(DISTINCT[i] for i in (1, 4, 2, 5, 6, 3, 0))


class DetectionDisplay:
    """Visualization of predicted and true boxes of images.

    The colour of a box shows the level that found it; the text at its upper corner is
    its label and score. True boxes are white and dashed, with labels at the lower
    corner.

    Use `from_estimator` or `from_predictions` to create a display.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width, n_channels)
        The images, with values in [0, 1].
    y_true : sequence of dict, or None
        True `boxes`: left, top, right and bottom in pixels; optionally their `labels`.
        None: unknown, and not drawn.
    y_pred : sequence of dict
        For each image `boxes` and `labels`, optionally `scores` and `levels`: lists,
        arrays, or tensors as returned by torchvision models.
    score_threshold : float, default=0.3
        Boxes with a lower score are not drawn.
    class_names : sequence of str or dict, default=None
        Name of each class, by its label. Labels without a name are shown as they are.
    strides : sequence of float, default=None
        Stride of each level, shown in the legend; None: the number of the level is
        shown.

    Attributes
    ----------
    boxes_ : list of list of matplotlib Rectangle
        The boxes found in each image.
    true_boxes_ : list of list of matplotlib Rectangle
        The true ones.
    texts_ : list of list of matplotlib Text
        Labels and scores of the boxes found.
    true_texts_ : list of list of matplotlib Text
        Labels of the true ones.
    legend_ : matplotlib Legend or None
        Levels that found the boxes; None if neither levels nor true boxes are drawn.
    axes_ : ndarray of matplotlib Axes of shape (n_rows, n_columns)
        All axes, three per row; those after the last image are empty.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    SegmentationDisplay : Masks instead of boxes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skmultigran.datasets import make_digit_scenes
    >>> from skmultigran.inspection import DetectionDisplay
    >>> scenes = make_digit_scenes(2, random_state=0)
    >>> display = DetectionDisplay.from_predictions(scenes.images, None, scenes.y)
    >>> [len(boxes) for boxes in display.boxes_] == [len(y["boxes"]) for y in scenes.y]
    True
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        images,
        y_true,
        y_pred,
        *,
        score_threshold=0.3,
        class_names=None,
        strides=None,
    ):
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.score_threshold = score_threshold
        self.class_names = class_names
        self.strides = strides

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, score_threshold=0.3, class_names=None, ax=None
    ):
        """Detect objects in a few images and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted `MultiGranularityDetector`, or any model whose `predict` returns a
            dict of boxes and labels for each image.
        X : array-like
            A few images accepted by the estimator.
        y : list of dict, default=None
            Their true boxes; None: not drawn.
        score_threshold : float, default=0.3
            Boxes with a lower score are not drawn.
        class_names : sequence of str or dict, default=None
            Name of each class, by its label.
        ax : matplotlib Axes or array-like of them, default=None
            As in `plot`.

        Returns
        -------
        DetectionDisplay
            The display, drawn.
        """
        display = cls(
            shown_images(X, cls.__name__, best_of(estimator)),
            y,
            estimator.predict(X),
            score_threshold=score_threshold,
            class_names=class_names,
            strides=learned_attribute(estimator, "strides_", cls.__name__),
        )
        return display.plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        X,
        y_true,
        y_pred,
        *,
        score_threshold=0.3,
        class_names=None,
        strides=None,
        ax=None,
    ):
        """Draw boxes that were predicted before.

        Parameters
        ----------
        X : array-like
            A few images: arrays, Pillow images or file paths.
        y_true : list of dict or None
            The true boxes; None: not drawn.
        y_pred : list of dict
            The predicted boxes.
        score_threshold : float, default=0.3
            Boxes with a lower score are not drawn.
        class_names : sequence of str or dict, default=None
            Name of each class, by its label.
        strides : sequence of float, default=None
            Stride of each level, shown in the legend.
        ax : matplotlib Axes or array-like of them, default=None
            As in `plot`.

        Returns
        -------
        DetectionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is not one dict for each image.
        """
        display = cls(
            shown_images(X, cls.__name__),
            y_true,
            y_pred,
            score_threshold=score_threshold,
            class_names=class_names,
            strides=strides,
        )
        return display.plot(ax=ax)

    def plot(self, ax=None):
        """Draw the boxes.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            Where to draw: as many axes as `axes_` has, or one to be replaced by them.
            None: a new figure.

        Returns
        -------
        DetectionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is not one dict for each image, or not one label, score and level
            for each box.
        """
        name, n = type(self).__name__, len(self.images)
        found = shown_objects(
            self.y_pred, self.images, "y_pred", name, needed=("boxes", "labels")
        )
        found = [self._kept(objects) for objects in found]
        trues = shown_objects(
            self.y_true, self.images, "y_true", name, needed=("boxes",)
        )
        columns = min(_COLUMNS, n)
        shape = math.ceil(n / columns), columns
        self.axes_ = panels(ax, name, shape, self._size(shape))
        self.figure_ = self.axes_[0, 0].figure
        for axes in self.axes_.flat[n:]:
            axes.set_axis_off()
        places = self.axes_.flat[:n]
        for axes, image in zip(places, self.images, strict=True):
            # Edges of pixels are whole numbers, as boxes have them.
            height, width = image.shape[:2]
            show_image(axes, image).set_extent((0, width, height, 0))
        self.true_boxes_, self.true_texts_ = self._drawn(self._draw_true, places, trues)
        self.boxes_, self.texts_ = self._drawn(self._draw_found, places, found)
        self.legend_ = self._draw_legend(found)
        return self

    def _size(self, shape):
        rows, columns = shape
        heights, widths = np.transpose([image.shape[:2] for image in self.images])
        height = min(np.max(heights / widths), 1.5) * _CELL + 0.1
        return _CELL * columns + _MARGIN, height * rows + 0.1

    def _kept(self, objects):
        """Return the objects that are drawn, the best last, so that they lie on top."""
        scores = objects.get("scores")
        if scores is None:
            return objects
        order = np.argsort(scores, kind="stable")
        order = order[scores[order] >= self.score_threshold]
        return {name: [values[i] for i in order] for name, values in objects.items()}

    @staticmethod
    def _drawn(draw, places, answers):
        """Return the boxes of all images, and their texts."""
        drawn = [draw(axes, each) for axes, each in zip(places, answers, strict=True)]
        return [boxes for boxes, _ in drawn], [texts for _, texts in drawn]

    def _draw_true(self, axes, objects):
        boxes = [self._rectangle(axes, b, "white", "--") for b in objects["boxes"]]
        named = zip(objects["boxes"], objects.get("labels", ()), strict=False)
        return boxes, [
            self._write(axes, box, class_name(label, self.class_names), "white", True)
            for box, label in named
        ]

    def _draw_found(self, axes, objects):
        boxes, texts = [], []
        for number, box in enumerate(objects["boxes"]):
            colour = _colour(objects["levels"][number] if "levels" in objects else 0)
            text = class_name(objects["labels"][number], self.class_names)
            if "scores" in objects:
                text += f" {objects['scores'][number]:.2f}"
            boxes.append(self._rectangle(axes, box, colour, "-"))
            texts.append(self._write(axes, box, text, colour))
        return boxes, texts

    def _rectangle(self, axes, box, colour, style):
        matplotlib = _matplotlib(type(self).__name__)
        left, top, right, bottom = (float(value) for value in box)
        line = 1.0 if style == "--" else 1.8
        stroke = matplotlib.patheffects.withStroke
        outline = stroke(linewidth=line + 1.2, foreground="#222222")
        rectangle = matplotlib.patches.Rectangle(
            (left, top),
            right - left,
            bottom - top,
            fill=False,
            edgecolor=colour,
            linestyle=style,
            linewidth=line,
            path_effects=[outline],
        )
        return axes.add_patch(rectangle)

    @staticmethod
    def _write(axes, box, text, colour, below=False):
        # Above or below the box, or where there is no room within it.
        left, top, right, bottom = (float(value) for value in box)
        (_, width), (height, _) = axes.get_xlim(), axes.get_ylim()
        far, margin = left > _FAR * width, (1 - _FAR) / 2 * height
        outside = bottom < height - margin if below else top > margin
        return axes.text(
            min(right, width) if far else max(left, 0),
            min(bottom, height) if below else max(top, 0),
            text,
            fontsize="x-small",
            ha="right" if far else "left",
            va="top" if below == outside else "bottom",
            color="black",
            clip_on=True,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8},
        )

    def _draw_legend(self, found):
        lines = _matplotlib(type(self).__name__).lines
        levels = {level for objects in found for level in objects.get("levels", ())}
        named = [(self._level_name(int(v)), _colour(v), "-") for v in sorted(levels)]
        if self.y_true is not None:
            named.append(("true", "white", "--"))
        if not named:
            return None
        handles = [
            lines.Line2D([], [], color=colour, linestyle=style, lw=2.2, label=name)
            for name, colour, style in named
        ]
        return self.axes_[0, -1].legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(1.03, 1),
            borderaxespad=0,
            facecolor="#777777",
            labelcolor="white",
            fontsize="small",
        )

    def _level_name(self, level):
        if self.strides is None:
            return f"level {level}"
        return f"stride {self.strides[level]:g}"


def _colour(level):
    return _COLOURS[int(level) % len(_COLOURS)]


def _matplotlib(caller):
    for module in ("lines", "patches", "patheffects"):
        import_optional(f"matplotlib.{module}", caller=caller, extra="plot")
    return import_optional("matplotlib", caller=caller, extra="plot")
