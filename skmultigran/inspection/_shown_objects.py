"""Boxes of any form, and what belongs to them, as arrays that can be drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skmultigran.inspection._shown_images import check_as_many


def shown_objects(answers, images, name, caller, *, needed):
    """Return the objects of each image, as arrays.

    Parameters
    ----------
    answers : sequence of dict, or None
        For each image its `boxes`, and what else there is of `labels`, `scores` and
        `levels`: lists, arrays or tensors. None: nothing is known of any image.
    images : sequence
        The images.
    name : str
        Name of the answers' parameter.
    caller : str
        Name of the display, for messages.
    needed : tuple of str
        What each image must have.

    Returns
    -------
    list of dict
        The same, one per image: labels as lists, all else as arrays.

    Raises
    ------
    ValueError
        If there is not one such dict for each image, or if it has not one label, score
        and level for each box.
    """
    if answers is None:
        return [{"boxes": np.empty((0, 4))} for _ in images]
    check_as_many(images, answers, name, caller)
    for row, objects in enumerate(answers):
        if not (isinstance(objects, Mapping) and {*needed} <= objects.keys()):
            raise ValueError(
                f"{caller} needs a dict of {sorted(needed)} for each image, as "
                f"MultiGranularityDetector has them, but {name} has {objects!r:.60} "
                f"for image {row}."
            )
    return [
        _checked(objects, f"{caller} got {name} with", f"for image {row}")
        for row, objects in enumerate(answers)
    ]


def _checked(objects, got, where):
    """Return the objects of one image, one label, score and level for each box."""
    boxes = _numbers(objects["boxes"], f"{got} boxes", where)
    boxes = boxes if boxes.size else np.empty((0, 4))
    if boxes.shape[1:] != (4,):
        raise ValueError(
            f"{got} boxes of shape {boxes.shape} {where}. They must have shape (m, 4): "
            "left, top, right and bottom in pixels."
        )
    found = {"boxes": boxes}
    for name in ("labels", "scores", "levels"):
        values = objects.get(name)
        if values is None:
            continue
        if name == "labels":  # of any type
            found[name] = values.tolist() if hasattr(values, "tolist") else [*values]
        else:
            found[name] = _numbers(values, f"{got} {name}", where)
        if len(found[name]) != len(boxes):
            raise ValueError(
                f"{got} {len(boxes)} boxes, but {len(found[name])} {name}, {where}. "
                "Each box needs one."
            )
    return found


def _numbers(values, got, where):
    # Tensors may be on any device, and have gradients.
    values = values.tolist() if hasattr(values, "detach") else values
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{got} {where} that are no array of numbers: {error}"
        ) from error
