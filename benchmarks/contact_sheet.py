"""Contact sheets: images with what is there and what was found."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

TRUE, FOUND = "#ffd21f", "#22d3ee"
SHOWN_FROM = 0.3


def masks_sheet(path, images, true, found, title, columns=6):
    """Outline true and found regions on each image."""
    figure, all_axes = _sheet(images, title, columns)
    for axes, image, mask, prediction in zip(
        all_axes, images, true, found, strict=False
    ):
        _show(axes, image)
        for labels, colour in ((mask, TRUE), (prediction, FOUND)):
            for label in np.setdiff1d(np.unique(labels), [0]):
                if (labels == label).all():
                    continue
                axes.contour(labels == label, [0.5], colors=colour, linewidths=0.8)
    figure.savefig(path, dpi=110)


def boxes_sheet(path, images, true, found, title, columns=6):
    """Draw true and found boxes, with label and level of what was found."""
    figure, all_axes = _sheet(images, title, columns)
    for axes, image, objects, boxes in zip(all_axes, images, true, found, strict=False):
        _show(axes, image)
        for box in np.reshape(objects["boxes"], (-1, 4)):
            axes.add_patch(_rectangle(box, TRUE, 1.6))
        sure = boxes["scores"] >= SHOWN_FROM
        for box, label in zip(boxes["boxes"][sure], boxes["labels"][sure], strict=True):
            axes.add_patch(_rectangle(box, FOUND, 0.9))
            if len(objects["boxes"]) < 25:
                axes.text(box[0], box[1] - 1, str(label), color=FOUND, fontsize=6)
    figure.savefig(path, dpi=110)


def _sheet(images, title, columns):
    rows = -(-min(len(images), 3 * columns) // columns)
    figure = Figure(figsize=(2.1 * columns, 2.1 * rows + 0.5), layout="constrained")
    figure.suptitle(f"{title} (yellow: true, blue: found)", fontsize=10)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for one in axes:
        one.set_axis_off()
    return figure, axes


def _show(axes, image):
    axes.imshow(image, cmap="gray")


def _rectangle(box, colour, width):
    left, top, right, bottom = np.asarray(box) - 0.5
    return Rectangle(
        (left, top), right - left, bottom - top, fill=False, ec=colour, lw=width
    )
