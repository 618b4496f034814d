"""Boxes, labels and scores of images, checked, for the metrics of detection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

# The keys of what an image has and of what was predicted for it.
TRUE_KEYS = ("boxes", "labels")
PRED_KEYS = (*TRUE_KEYS, "scores")


class Boxes(NamedTuple):
    """Boxes of one image, `(m, 4)`, with m labels and, if predicted, `(m,)` scores."""

    boxes: np.ndarray
    labels: list[Any]
    scores: np.ndarray | None


def checked_boxes(owner: str, name: str, y: Any, keys: tuple[str, ...]) -> list[Boxes]:
    """Return boxes of images as arrays.

    Parameters
    ----------
    owner : str
        Who asks, for messages.
    name : str
        What `y` is called there.
    y : array-like of dict
        For each image a mapping with `keys`; others are not looked at.
    keys : tuple of str
        `TRUE_KEYS` or `PRED_KEYS`.

    Returns
    -------
    list of Boxes
        The boxes of each image.

    Raises
    ------
    ValueError
        If anything is missing or impossible; the message names image and box.

    Examples
    --------
    >>> from skmultigran.metrics._boxes import TRUE_KEYS, checked_boxes
    >>> y = [dict(boxes=[[0, 0, 4, 3]], labels=["cat"])]
    >>> checked_boxes("the example", "y", y, TRUE_KEYS)[0].boxes
    array([[0., 0., 4., 3.]])
    """
    if isinstance(y, Mapping | str) or not hasattr(y, "__iter__"):
        raise ValueError(
            f"{owner} got a {type(y).__name__} as {name}. It must be a list with one "
            f"dictionary of {_listed(keys)} for each image."
        )
    return [
        _checked_image(f"{owner} got {name}[{number}]", image, keys)
        for number, image in enumerate(y)
    ]


def _listed(keys: tuple[str, ...]) -> str:
    return ", ".join(map(repr, keys))


def _checked_image(got: str, image: Any, keys: tuple[str, ...]) -> Boxes:
    if not isinstance(image, Mapping):
        raise ValueError(
            f"{got} of type {type(image).__name__}. It must be a dictionary of "
            f"{_listed(keys)}."
        )
    if missing := [key for key in keys if key not in image]:
        raise ValueError(
            f"{got} without {_listed(tuple(missing))}. Each image needs "
            f"{_listed(keys)}; one without objects has empty arrays."
        )
    labels = as_labels(got, image["labels"])
    boxes = _checked_shape(got, image["boxes"])
    if len(labels) != len(boxes):
        raise ValueError(
            f"{got} with {len(boxes)} boxes, but labels: {len(labels)}. Each box needs "
            "one."
        )
    _check_corners(got, boxes, degenerate="scores" in keys)
    scores = (
        _checked_scores(got, image["scores"], len(boxes)) if "scores" in keys else None
    )
    return Boxes(boxes, labels, scores)


def as_labels(got: str, labels: Any) -> list[Any]:
    """Return labels of any type as a list.

    Parameters
    ----------
    got : str
        Who got them, for messages.
    labels : sequence, array or tensor
        The labels.

    Returns
    -------
    list
        The same, numbers and strings as Python's own.

    Raises
    ------
    ValueError
        If they are no sequence, or a label cannot be looked up.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.metrics._boxes import as_labels
    >>> as_labels("the example", np.array([3, 1])), as_labels("it", [("cat", 1)])
    ([3, 1], [('cat', 1)])
    """
    values = labels.tolist() if hasattr(labels, "tolist") else labels
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValueError(
            f"{got} with labels={labels!r}. They must be a sequence, with one label "
            "for each box."
        )
    plain = [v.item() if getattr(v, "ndim", None) == 0 else v for v in values]
    try:
        set(plain)
    except TypeError as error:
        raise ValueError(
            f"{got} with labels that cannot be looked up: {error}. Each must be a "
            "string, a number, a tuple or the like."
        ) from error
    return plain


def _checked_shape(got: str, boxes: Any) -> np.ndarray:
    boxes = _as_numbers(got, "boxes", boxes)
    if not boxes.size:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"{got} with boxes of shape {boxes.shape}. They must have shape (m, 4): "
            "left, top, right and bottom in pixels."
        )
    return boxes


def _check_corners(got: str, boxes: np.ndarray, degenerate: bool) -> None:
    """Check that boxes are boxes; predictions may have lost their area at a border."""
    with np.errstate(invalid="ignore"):
        extents = boxes[:, 2:] - boxes[:, :2]
        right = extents >= 0 if degenerate else extents > 0
    wrong = ~(np.isfinite(boxes).all(axis=1) & right.all(axis=1))
    if wrong.any():
        number = int(wrong.argmax())
        rule = "not be" if degenerate else "be larger, not"
        raise ValueError(
            f"{got} with box {number} at {boxes[number].tolist()}. Left, top, right "
            f"and bottom must be finite, and right and bottom must {rule} less than "
            "left and top. To boxes as x, y, width, height add x and y: right = x + "
            "width, bottom = y + height."
        )


def _checked_scores(got: str, scores: Any, n_boxes: int) -> np.ndarray:
    scores = _as_numbers(got, "scores", scores)
    if scores.shape != (n_boxes,):
        raise ValueError(
            f"{got} with {n_boxes} boxes, but scores of shape {scores.shape}. Each box "
            "needs one number."
        )
    if not np.isfinite(scores).all():
        number = int((~np.isfinite(scores)).argmax())
        raise ValueError(
            f"{got} with the score {scores[number]} of box {number}. Scores must be "
            "finite."
        )
    return scores


def _as_numbers(got: str, key: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{got} with {key} that are no array of numbers: {error}"
        ) from error
