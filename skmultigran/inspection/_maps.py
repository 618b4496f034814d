"""Where each granularity sees evidence for an answer."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import torch
from sklearn.utils import Bunch

from skmultigran._support import Interval, validate_params
from skmultigran.estimators import read_images
from skmultigran.inspection._evidence import map_evidence, spread
from skmultigran.inspection._last_network import last_network
from skmultigran.tasks import ClassificationTask, RegressionTask

_IMAGES_TOGETHER = 32


@validate_params(
    {
        "estimator": "no_validation",
        "X": "no_validation",
        "target": "no_validation",
        "n_steps": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def granularity_maps(estimator, X, *, target=None, n_steps=32):
    """Return where in each image each granularity finds evidence for a prediction.

    The prediction is attributed to the pixels of the maps of all granularities: each
    gets its value times the gradient of fusion and head, averaged along the path from
    empty maps to the actual ones [1]_. This is then distributed over the image pixels
    that it represents. If fusion and head are linear, this is exact and equals the
    class activation map [2]_; otherwise it resembles Grad-CAM per position [3]_.

    Parameters
    ----------
    estimator : estimator
        A fitted `MultiGranularityClassifier` or `MultiGranularityRegressor`, a pipeline
        that ends in one, or a fitted search over either.
    X : array-like
        Images accepted by the estimator.
    target : label, int or array-like of shape (n,), default=None
        Target of the evidence: a class label, for all images or one per image; None:
        the predicted class. If y has several columns, the number of one of them (for
        columns of several classes, the number of a class, counted over all columns).
    n_steps : int, default=32
        Number of points on the path at which gradients are computed. One is enough if
        fusion and head are linear.

    Returns
    -------
    Bunch
        With the attributes:

        maps : ndarray of float32 of shape (n, n_granularities, height, width)
            Evidence per pixel of the resized image, of `image_size_`.
        fused : ndarray of float32 of shape (n, height, width)
            Evidence of all granularities together: the sum of their maps.
        outputs : ndarray of float32 of shape (n,)
            Value that is attributed: for a class its logit minus the mean logit of all
            classes, on which probabilities do not depend; for several columns of labels
            the logit; for numbers the prediction.
        baseline : ndarray of float32 of shape (n,)
            The same value for empty maps, which is attributed to no pixel.
        targets : ndarray of int of shape (n,)
            Numbers of the explained targets.
        granularities : list of str
            Their names, from fine to coarse.
        images : ndarray of float32 of shape (n, height, width, n_channels)
            The resized images, with values in [0, 1].

    Raises
    ------
    TypeError
        If the estimator has no granularities, or is of another kind.
    ValueError
        If the target is unknown, missing although required, or if there are several but
        not one per image.

    Notes
    -----
    `baseline + fused.sum(axis=(1, 2))` is `outputs`, and the sum of one map is the
    contribution of that granularity. For linear fusions ("concat", "sum", "weighted")
    this holds up to rounding, for others as closely as `n_steps` allow. The norms of
    "attention" change abruptly where maps are almost empty; for single images a tenth
    of the prediction may be missing with 64 steps. Compare both sides, and use more
    steps.

    Evidence belongs to a position in a map. The receptive field of deep maps extends
    far beyond the pixels that they represent.

    References
    ----------
    .. [1] M. Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017,
       arXiv 1703.01365.
    .. [2] B. Zhou et al., "Learning Deep Features for Discriminative Localization",
       CVPR 2016, arXiv 1512.04150.
    .. [3] R. L. Draelos et al., "Use HiResCAM instead of Grad-CAM for faithful
       explanations of convolutional neural networks", arXiv 2011.08891.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityClassifier
    >>> from skmultigran.inspection import granularity_maps
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = MultiGranularityClassifier(max_epochs=1).fit(X[:200], y[:200])
    >>> granularity_maps(clf, X[:5]).maps.shape
    (5, 3, 8, 8)
    """
    model, X, _ = last_network(estimator, X, "granularity_maps")
    if not hasattr(model, "predict") or hasattr(model, "tasks"):
        raise TypeError(
            f"granularity_maps got a {type(model).__name__}; it takes a "
            "MultiGranularityClassifier or MultiGranularityRegressor."
        )
    source = model._source(read_images(model, X, reset=False))
    targets = _targets(model, target, len(source))
    parts = []
    for start in range(0, len(source), _IMAGES_TOGETHER):
        part = np.arange(start, min(start + _IMAGES_TOGETHER, len(source)))
        wanted = None if targets is None else targets[part]
        parts.append(_part(model, source.gather(part), wanted, n_steps))
    result = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return Bunch(**result, granularities=model.granularities_)


def _targets(model, target, n):
    """Return the number of the answer of each image; None: that of the largest."""
    classes = isinstance(model._task, ClassificationTask)
    if target is None and classes:
        return None
    n_outputs = model.network_recipe_.n_outputs
    if target is None and n_outputs > 1:
        raise ValueError(
            f"granularity_maps needs target, a number from 0 to {n_outputs - 1}: "
            f"{type(model).__name__} was fitted on several answers."
        )
    targets = np.asarray(0 if target is None else target)
    if targets.shape not in ((), (n,)):
        raise ValueError(
            f"granularity_maps got targets of shape {targets.shape} for {n} images. "
            "Pass one target for all images, or one for each."
        )
    targets = np.broadcast_to(targets, (n,))
    return _class_numbers(model, targets) if classes else _numbers(targets, n_outputs)


def _class_numbers(model, targets):
    classes = model._task.classes.tolist()
    unknown = [t for t in dict.fromkeys(targets.tolist()) if t not in classes]
    if unknown:
        raise ValueError(
            f"granularity_maps got the targets {unknown}, but the classes of "
            f"{type(model).__name__} are {classes}. Pass one of these, or one for each "
            "image."
        )
    return model._task.encode(targets)


def _numbers(targets, n_outputs):
    within = (targets >= 0) & (targets < n_outputs) if targets.dtype.kind in "iu" else 0
    if not np.all(within):
        raise ValueError(
            f"granularity_maps got the targets {[*dict.fromkeys(targets.tolist())]}, "
            f"but the answers have the numbers 0 to {n_outputs - 1}."
        )
    return targets.astype(np.int64)


@torch.no_grad()
def _part(model, images, targets, n_steps):
    """Return the evidence of a few images."""
    network = model.network_
    images = images.to(model.device_)
    maps = network.extract(images)
    if targets is None:
        numbers = network.head(network.fuse(maps)).argmax(dim=1)
    else:
        numbers = torch.from_numpy(targets).to(images.device)

    def answer(maps):
        raw = network.head(network.fuse(maps))
        return _explained(model._task, raw, numbers)

    found = [
        spread(evidence, level.stride, model.image_size_)
        for evidence, level in zip(
            map_evidence(answer, maps, n_steps), network.pyramid.levels, strict=True
        )
    ]
    stacked = torch.stack(found, dim=1)  # (B, L, H, W)
    tensors = {
        "maps": stacked,
        "fused": stacked.sum(dim=1),
        "outputs": answer(maps),
        "baseline": answer([torch.zeros_like(map_) for map_ in maps]),
        "targets": numbers,
        "images": images.permute(0, 2, 3, 1),
    }
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def _explained(task, raw, numbers):
    """Return what is divided among the places, (B,), from (B, n_outputs)."""
    chosen = raw.gather(1, numbers[:, None])[:, 0]
    if isinstance(task, ClassificationTask):
        return chosen - raw.mean(dim=1)
    if isinstance(task, RegressionTask):
        units, zeros = (
            torch.from_numpy(np.ravel(values)).to(raw)[numbers]
            for values in (task.spread, task.center)
        )
        return chosen * units + zeros
    return chosen
