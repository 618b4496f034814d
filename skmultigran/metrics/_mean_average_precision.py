"""How well boxes are found: average precision by COCO's rules."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skmultigran._support import (
    Interval,
    Options,
    StrOptions,
    import_optional,
    validate_params,
)
from skmultigran.metrics._boxes import (
    PRED_KEYS,
    TRUE_KEYS,
    Boxes,
    as_labels,
    checked_boxes,
)

OWNER = "mean_average_precision_score"
# COCO's: the thresholds of the mean, and the surest boxes of each class in an image.
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
MAX_DETECTIONS = 100
# Sides beyond which no object is expected: COCO's own limit.
_LARGEST_SIDE = 1e5


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "iou_threshold": [Interval(Real, 0, 1, closed="right"), None],
        "labels": ["array-like", None],
        "size_range": [tuple, list, None],
        "average": [StrOptions({"macro"}), Options(type(None), {None})],
    },
    prefer_skip_nested_validation=True,
)
def mean_average_precision_score(
    y_true,
    y_pred,
    *,
    iou_threshold=None,
    labels=None,
    size_range=None,
    average="macro",
):
    """Mean average precision of boxes, by COCO's rules.

    A predicted box is correct if it overlaps with an object of its label that was not
    found by a box with a higher score. For each class and each overlap threshold, the
    average precision is the mean of the precision at 101 recalls from 0 to 1, where the
    precision at a recall is the highest at that or any higher recall. The score is the
    mean over thresholds and classes [1]_. For each image and class, the 100 boxes with
    the highest scores are used.

    Parameters
    ----------
    y_true : array-like of dict
        For each image `boxes`, of shape (m, 4): left, top, right and bottom in pixels,
        and m `labels` of one type: strings, numbers, tuples, or any other hashable,
        sortable type. An image without objects has empty arrays.
    y_pred : array-like of dict
        For each image `boxes`, `labels`, and `scores` of shape (m,), the confidence of
        each box, as returned by `MultiGranularityDetector.predict`.
    iou_threshold : float or None, default=None
        Minimum intersection over union of a box with the object it finds, in (0, 1].
        None: the mean over 0.5, 0.55, ..., 0.95.
    labels : array-like or None, default=None
        Classes to score. None: all classes in `y_true`.
    size_range : tuple of float or None, default=None
        Smallest and largest size of the objects to score: the square root of the area
        of the box in pixels. COCO's small objects are `(0, 32)`, its medium ones
        `(32, 96)`. Other objects are ignored, and so are boxes of other sizes that
        found no object. None: all.
    average : {"macro"} or None, default="macro"
        "macro": unweighted mean over the classes. None: one value per class, in the
        order of `labels`, or sorted.

    Returns
    -------
    float or ndarray of float of shape (n_classes,)
        The score, between 0 and 1 (best). A class without an object to score is left
        out of the mean, and NaN with `average=None`.

    Raises
    ------
    ValueError
        If boxes, labels or scores are missing or impossible; the message names image
        and box.
    ImportError
        If faster-coco-eval is not installed.

    Warns
    -----
    sklearn.exceptions.UndefinedMetricWarning
        If there is no object to score; the score is NaN.

    Notes
    -----
    As in COCO, boxes with a label that no object has are ignored. Boxes with equal
    scores are ranked in the given order.

    References
    ----------
    .. [1] Lin et al., "Microsoft COCO: common objects in context", ECCV 2014;
       the rules: https://cocodataset.org/#detection-eval

    Examples
    --------
    >>> from skmultigran.metrics import mean_average_precision_score
    >>> y_true = [dict(boxes=[[0, 0, 10, 10]], labels=["cat"])]
    >>> y_pred = [dict(boxes=[[0, 0, 10, 8]], labels=["cat"], scores=[0.9])]
    >>> mean_average_precision_score(y_true, y_pred, iou_threshold=0.5)
    1.0
    >>> round(mean_average_precision_score(y_true, y_pred), 2)  # IoU is 0.8
    0.7
    """
    true = checked_boxes(OWNER, "y_true", y_true, TRUE_KEYS)
    pred = checked_boxes(OWNER, "y_pred", y_pred, PRED_KEYS)
    if len(true) != len(pred):
        raise ValueError(
            f"{OWNER} got {len(true)} images in y_true and {len(pred)} in y_pred. Pass "
            "one prediction for each."
        )
    known = _known_labels(true, pred)
    scored = _scored_labels(labels, true)
    sizes = (0, _LARGEST_SIDE) if size_range is None else _checked_range(size_range)
    thresholds = IOU_THRESHOLDS if iou_threshold is None else [float(iou_threshold)]
    found = _average_precisions(true, pred, known, thresholds, sizes)
    return _averaged(np.array([found.get(label, np.nan) for label in scored]), average)


def _averaged(values: np.ndarray, average: str | None):
    if np.isnan(values).all():
        warnings.warn(
            f"{OWNER} is not defined, as y_true has no object to score, and is set to "
            "NaN.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return values if average is None else np.nan
    return values if average is None else float(np.nanmean(values))


def _average_precisions(
    true: Sequence[Boxes],
    pred: Sequence[Boxes],
    known: Sequence[Any],
    thresholds: Sequence[float] | np.ndarray,
    sizes: tuple[float, float],
) -> dict[Any, float]:
    """Return the average precision of each class that has an object to score."""
    coco = import_optional("faster_coco_eval", caller=OWNER, extra="detection")
    codes = {label: code for code, label in enumerate(known, start=1)}
    if not any(image.labels for image in true):
        return {}
    dataset = {
        "images": [{"id": number} for number in range(len(true))],
        "categories": [{"id": code} for code in codes.values()],
        "annotations": _annotations(true, codes),
    }
    truth = coco.COCO(dataset)
    evaluation = coco.COCOeval_faster(
        truth, truth.loadRes(_annotations(pred, codes)), iouType="bbox"
    )
    evaluation.params.iouThrs = np.asarray(thresholds)
    evaluation.params.maxDets = [MAX_DETECTIONS]
    evaluation.params.areaRng = [[size**2 for size in sizes]]
    evaluation.params.areaRngLbl = ["all"]
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"]  # (thresholds, recalls, classes, 1, 1)
    means = precision.mean(axis=(0, 1, 3, 4))
    return {
        label: float(mean)
        for label, mean in zip(known, means, strict=True)
        if mean >= 0  # -1 where there is nothing to find
    }


def _annotations(images: Sequence[Boxes], codes: dict[Any, int]) -> list[dict]:
    """Return all boxes as COCO has them: left, top, width and height."""
    found: list[dict] = []
    for number, image in enumerate(images):
        extents = image.boxes[:, 2:] - image.boxes[:, :2]
        rows = np.concatenate([image.boxes[:, :2], extents], axis=1).tolist()
        scores = np.ones(len(rows)) if image.scores is None else image.scores
        for row, label, score in zip(rows, image.labels, scores, strict=True):
            found.append(
                {
                    "id": len(found) + 1,
                    "image_id": number,
                    "category_id": codes[label],
                    "bbox": row,
                    "area": row[2] * row[3],
                    "iscrowd": 0,
                    "score": float(score),
                }
            )
    return found


def _known_labels(true: Sequence[Boxes], pred: Sequence[Boxes]) -> list[Any]:
    """Return all labels, sorted; they must be of one kind."""
    known = {label for image in (*true, *pred) for label in image.labels}
    try:
        return sorted(known)
    except TypeError as error:
        examples = {type(label): label for label in known}.values()
        raise ValueError(
            f"{OWNER} got labels that cannot be sorted together, such as "
            f"{' and '.join(sorted(map(repr, examples)))}. Use one type in y_true and "
            "y_pred."
        ) from error


def _scored_labels(labels, true: Sequence[Boxes]) -> list[Any]:
    if labels is not None:
        return as_labels(OWNER, labels)
    return sorted({label for image in true for label in image.labels})


def _checked_range(size_range) -> tuple[float, float]:
    values = np.asarray(size_range, dtype=np.float64)
    if values.shape != (2,) or not 0 <= values[0] < values[1]:
        raise ValueError(
            f"{OWNER} got size_range={size_range!r}. It must be two sizes in pixels, "
            "the smallest, at least 0, and the largest, above it."
        )
    return float(values[0]), float(min(values[1], _LARGEST_SIDE))
