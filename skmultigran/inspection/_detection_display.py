"""Boxes on their images, and which level found each."""

from __future__ import annotations

import math
from itertools import chain

import numpy as np

from skmultigran._support import import_optional
from skmultigran.inspection._axes import DISTINCT, panels, show_image
from skmultigran.inspection._last_network import best_of
from skmultigran.inspection._shown_images import check_as_many, shown_images

_COLUMNS = 3
_MARGIN = 1.2  # inches, for the legend
_CELL = 2.6  # inches
# Texts of boxes beyond this share of the width end with the box.
_FAR = 0.85
# Of levels, fine to coarse; the light ones first, which show on any image.
_COLOURS = tuple(DISTINCT[i] for i in (1, 4, 2, 5, 6, 3, 0))


class DetectionDisplay:
    """Images with the boxes that were found, and the true ones.

    The colour of a box tells the level that found it; the text at its corner is its
    label and score. True boxes are white and dashed.

    Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width, n_channels)
        The images, with values in [0, 1].
    y_true : sequence of dict, or None
        The `boxes` that are there, left, top, right and bottom in pixels; None: not
        known, and not drawn.
    y_pred : sequence of dict
        For each image `boxes` and `labels`; optional are `scores` and `levels`.
    score_threshold : float, default=0.3
        Boxes of a lower score are not drawn.
    class_names : sequence of str or dict, default=None
        The name of each class, by its label. None: the labels themselves.
    strides : sequence of float, default=None
        Stride of each level, which names it in the legend; None: its number.

    Attributes
    ----------
    boxes_ : list of list of matplotlib Rectangle
        The boxes found in each image.
    true_boxes_ : list of list of matplotlib Rectangle
        The true ones.
    texts_ : list of list of matplotlib Text
        Labels and scores of the boxes found.
    legend_ : matplotlib Legend or None
        What found the boxes; None where neither levels nor true boxes are drawn.
    axes_ : ndarray of matplotlib Axes of shape (n_rows, n_columns)
        All axes, three beside each other; those behind the last image are empty.
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
        """Find objects in a few images and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted `MultiGranularityDetector`, or any model whose `predict` gives a
            dict of boxes and labels for each image.
        X : array-like
            A few images, as the estimator takes them.
        y : list of dict, default=None
            Their true boxes; None: not drawn.
        score_threshold : float, default=0.3
            Boxes of a lower score are not drawn.
        class_names : sequence of str or dict, default=None
            The name of each class, by its label.
        ax : matplotlib Axes or ndarray of them, default=None
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
            strides=getattr(best_of(estimator), "strides_", None),
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
        """Draw boxes that were found before.

        Parameters
        ----------
        X : array-like
            A few images: arrays, pictures of Pillow or paths of files.
        y_true : list of dict or None
            The true boxes; None: not drawn.
        y_pred : list of dict
            What was found.
        score_threshold : float, default=0.3
            Boxes of a lower score are not drawn.
        class_names : sequence of str or dict, default=None
            The name of each class, by its label.
        strides : sequence of float, default=None
            Stride of each level, which names it in the legend.
        ax : matplotlib Axes or ndarray of them, default=None
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
        ax : matplotlib Axes or ndarray of them, default=None
            Where to draw: as many axes as `axes_` has, or one whose place they take.
            None: a new figure.

        Returns
        -------
        DetectionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is not one dict for each image.
        """
        name, n = type(self).__name__, len(self.images)
        check_as_many(self.images, self.y_pred, "y_pred", name)
        check_as_many(self.images, self.y_true, "y_true", name)
        self._check_objects("y_pred", {"boxes", "labels"})
        self._check_objects("y_true", {"boxes"})
        columns = min(_COLUMNS, n)
        shape = math.ceil(n / columns), columns
        self.axes_ = panels(ax, name, shape, self._size(shape))
        self.figure_ = self.axes_[0, 0].figure
        for axes in self.axes_.flat[n:]:
            axes.set_axis_off()
        places = list(zip(self.axes_.flat, self.images, strict=False))
        for axes, image in places:
            # Edges of pixels are whole numbers, as boxes have them.
            height, width = image.shape[:2]
            show_image(axes, image).set_extent((0, width, height, 0))
        trues = self.y_true if self.y_true is not None else [{"boxes": []}] * n
        self.true_boxes_ = [
            [self._rectangle(axes, box, "white", "--") for box in true["boxes"]]
            for (axes, _), true in zip(places, trues, strict=True)
        ]
        found = [
            self._draw_found(axes, objects)
            for (axes, _), objects in zip(places, self.y_pred, strict=True)
        ]
        self.boxes_, self.texts_ = ([drawn[i] for drawn in found] for i in (0, 1))
        self.legend_ = self._draw_legend()
        return self

    def _check_objects(self, parameter, needed):
        answers = getattr(self, parameter)
        for row, objects in enumerate([] if answers is None else answers):
            if isinstance(objects, dict) and needed <= objects.keys():
                continue
            raise ValueError(
                f"{type(self).__name__} needs a dict of {sorted(needed)} for each "
                f"image, as MultiGranularityDetector has them, but {parameter} has "
                f"{objects!r:.60} for image {row}."
            )

    def _size(self, shape):
        rows, columns = shape
        heights, widths = np.transpose([image.shape[:2] for image in self.images])
        height = min(np.max(heights / widths), 1.5) * _CELL + 0.1
        return _CELL * columns + _MARGIN, height * rows + 0.1

    def _kept(self, objects):
        """Return which boxes are drawn, the best last, so that they lie on top."""
        scores = objects.get("scores")
        if scores is None:
            return np.arange(len(objects["boxes"]))
        order = np.argsort(scores, kind="stable")
        return order[np.asarray(scores)[order] >= self.score_threshold]

    def _draw_found(self, axes, objects):
        boxes, texts = [], []
        levels = objects.get("levels", np.zeros(len(objects["boxes"]), int))
        for number in self._kept(objects):
            colour, box = _colour(levels[number]), objects["boxes"][number]
            boxes.append(self._rectangle(axes, box, colour, "-"))
            texts.append(self._write(axes, box, self._text(objects, number), colour))
        return boxes, texts

    def _text(self, objects, number):
        label = objects["labels"][number]
        name = str(label) if self.class_names is None else self.class_names[label]
        scores = objects.get("scores")
        return name if scores is None else f"{name} {scores[number]:.2f}"

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
    def _write(axes, box, text, colour):
        # Above the box, or where there is no room within it.
        left, top, right, _ = (float(value) for value in box)
        (_, width), (height, _) = axes.get_xlim(), axes.get_ylim()
        far = left > _FAR * width
        return axes.text(
            min(right, width) if far else max(left, 0),
            max(top, 0),
            text,
            fontsize="x-small",
            ha="right" if far else "left",
            va="bottom" if top > (1 - _FAR) / 2 * height else "top",
            color="black",
            clip_on=True,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8},
        )

    def _draw_legend(self):
        lines = _matplotlib(type(self).__name__).lines
        levels = {*chain.from_iterable(o.get("levels", ()) for o in self.y_pred)}
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
