"""How well masks agree: the mean intersection over union of their classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from skmultigran._support import (
    Options,
    StrOptions,
    check_sample_weight,
    validate_params,
)


@validate_params(
    {
        "Y_true": ["array-like"],
        "Y_pred": ["array-like"],
        "labels": ["array-like", None],
        "ignore_label": [Integral, None],
        "average": [StrOptions({"macro"}), Options(type(None), {None})],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def mean_iou_score(
    Y_true,
    Y_pred,
    *,
    labels=None,
    ignore_label=None,
    average="macro",
    sample_weight=None,
):
    """Mean intersection over union of the classes of masks.

    The pixels of all images are counted together: for each class, the number of pixels
    that have it in both masks (the intersection), divided by the number that have it in
    at least one of them (the union). The score is the mean over the classes [1]_.

    Parameters
    ----------
    Y_true : array-like of int of shape (n, h, w), or n masks of shape (h, w)
        True class of each pixel: an array, or a list or 1-D object array of masks of
        any sizes.
    Y_pred : array-like of int of shape (n, h, w), or n masks of shape (h, w)
        Predicted classes, of the same sizes.
    labels : array-like of int or None, default=None
        Classes to score; `[1]` gives the IoU of a foreground. None: all classes in
        either, except `ignore_label`.
    ignore_label : int or None, default=None
        Pixels with this true label are ignored. If it is predicted for another pixel,
        that pixel is wrong.
    average : {"macro"} or None, default="macro"
        "macro": unweighted mean over the classes. None: one value per class, in the
        order of `labels`, or sorted.
    sample_weight : array-like of shape (n,) or None, default=None
        Weight of each pixel of an image. None: 1.

    Returns
    -------
    float or ndarray of float of shape (n_classes,)
        The score, between 0 and 1 (best). A class of `labels` without any pixel is left
        out of the mean, and NaN with `average=None`.

    Raises
    ------
    ValueError
        If the masks are not integers, differ in number or size, or there is no pixel to
        score.

    See Also
    --------
    sklearn.metrics.jaccard_score : The same score for flat labels.

    References
    ----------
    .. [1] Everingham et al., "The PASCAL Visual Object Classes challenge: a
       retrospective", International Journal of Computer Vision 111, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.metrics import mean_iou_score
    >>> Y_true = np.array([[[0, 0, 1], [0, 0, 1]]])
    >>> Y_pred = np.array([[[0, 0, 0], [0, 0, 1]]])
    >>> mean_iou_score(Y_true, Y_pred)  # of 4/5 and 1/2
    0.65
    >>> mean_iou_score(Y_true, Y_pred, labels=[1])
    0.5
    """
    masks_true, masks_pred = _as_masks(Y_true, "Y_true"), _as_masks(Y_pred, "Y_pred")
    _check_pairs(masks_true, masks_pred)
    weights = check_sample_weight(
        sample_weight, masks_true, dtype=np.float64, ensure_non_negative=True
    )
    present = _present_labels([*masks_true, *masks_pred])
    present = present[present != ignore_label] if ignore_label is not None else present
    scored = present if labels is None else _checked_labels(labels)
    known = np.union1d(present, scored)
    counts = np.zeros((3, len(known)))
    for pair, weight in zip(
        _scored_pixels(masks_true, masks_pred, ignore_label), weights, strict=True
    ):
        counts += weight * _counted(*pair, known)
    return _averaged(counts[:, np.searchsorted(known, scored)], average)


def _scored_pixels(
    masks_true: Sequence[np.ndarray],
    masks_pred: Sequence[np.ndarray],
    ignore_label: int | None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the pixels of each image that count, flat."""
    for true, pred in zip(masks_true, masks_pred, strict=True):
        if ignore_label is None:
            yield true.ravel(), pred.ravel()
        else:
            kept = true != ignore_label
            yield true[kept], pred[kept]


def _counted(true: np.ndarray, pred: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return pixels that both, the truth and the prediction have, `(3, classes)`."""
    return np.stack([_histogram(p, known) for p in (true[true == pred], true, pred)])


def _histogram(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    codes = np.searchsorted(known, pixels)
    codes[codes == len(known)] = 0
    return np.bincount(codes[known[codes] == pixels], minlength=len(known))


def _averaged(counts: np.ndarray, average: str | None):
    both, true, pred = counts
    union = true + pred - both
    if not union.any():
        raise ValueError(
            "mean_iou_score got no pixel to score: all are ignored, weigh nothing, or "
            "have none of `labels`. Pass at least one image with a label to score."
        )
    iou = np.divide(both, union, out=np.full(len(both), np.nan), where=union > 0)
    return iou if average is None else float(np.nanmean(iou))


def _present_labels(masks: Sequence[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate([np.unique(mask).astype(int) for mask in masks]))


def _checked_labels(labels) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "biu":
        raise ValueError(
            f"mean_iou_score got labels={labels.tolist()!r}. They must be a list of at "
            "least one integer."
        )
    if len(np.unique(labels)) < len(labels):
        raise ValueError(
            f"mean_iou_score got labels={labels.tolist()!r}. Name each label once."
        )
    return labels.astype(int)


def _as_masks(masks: Any, name: str) -> list[np.ndarray]:
    """Return masks as a list of integer arrays `(h, w)`."""
    masks = [np.asarray(mask) for mask in masks]
    if not masks:
        raise ValueError(f"mean_iou_score got no mask in {name}; pass at least one.")
    for row, mask in enumerate(masks):
        if mask.ndim != 2 or mask.dtype.kind not in "biu":
            raise ValueError(
                f"mean_iou_score cannot use row {row} of {name}: it has shape "
                f"{mask.shape} and type {mask.dtype}, but must be a two-dimensional "
                f"array of integers or booleans. {_hint(mask, name)}"
            )
    return masks


def _hint(mask: np.ndarray, name: str) -> str:
    if mask.ndim == 1:
        return f"Pass a single mask as [{name}]."
    if mask.ndim == 3:
        return "Take argmax over the classes of probabilities or a one-hot mask."
    return "Convert it with .astype(int)."


def _check_pairs(masks_true, masks_pred) -> None:
    if len(masks_true) != len(masks_pred):
        raise ValueError(
            f"mean_iou_score got {len(masks_true)} masks in Y_true and "
            f"{len(masks_pred)} in Y_pred. Pass one prediction for each."
        )
    for row, (true, pred) in enumerate(zip(masks_true, masks_pred, strict=True)):
        if true.shape != pred.shape:
            raise ValueError(
                f"mean_iou_score got a mask of {true.shape} in row {row} of Y_true, "
                f"but one of {pred.shape} in Y_pred. They must have the same size: "
                "resize the prediction, by its nearest pixels."
            )
