"""What a model saw of images: a block of columns per granularity."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import torch

from skmultigran._support import wrap_output
from skmultigran.estimators import MultiGranularityTransformer, read_images
from skmultigran.inspection._last_network import last_network
from skmultigran.training import RowSource, folded, predict_outputs


class GranularityBlocks(NamedTuple):
    """A block of columns per granularity, and who answers from them.

    Attributes
    ----------
    rows : ndarray of float32 of shape (n, n_columns)
        What was seen of each image.
    slices : dict of str to slice
        Names of the granularities, fine to coarse, to their columns.
    answering : callable
        Rows to a fitted estimator and the X with which it answers from these rows.
    """

    rows: np.ndarray
    slices: dict[str, slice]
    answering: Callable[[np.ndarray], tuple[Any, Any]]


def granularity_blocks(model, X, caller) -> GranularityBlocks:
    """Look at images once and return what was seen, granularity by granularity.

    Parameters
    ----------
    model : estimator
        A fitted predictor or transformer, or a pipeline with one of them.
    X : array-like
        Images, as the model takes them.
    caller : str
        Name of the public function, for the messages.

    Returns
    -------
    GranularityBlocks
        The blocks.

    Raises
    ------
    TypeError
        If the model has no granularities.
    """
    estimator, X, rest = last_network(model, X, caller)
    if isinstance(estimator, MultiGranularityTransformer):
        return _columns(estimator, X, rest)
    if rest is not None:
        raise TypeError(
            f"{caller} got a Pipeline in which {type(estimator).__name__} is not the "
            "last step."
        )
    return _network_rows(estimator, X)


def _columns(transformer, X, rest):
    """Return the columns of a transformer, and the model behind it that answers."""
    slices = transformer.granularity_slices_
    rows = np.asarray(transformer.transform(X))

    def answering(rows):
        # Of the kind that `set_output` asks for, as the model has seen in fit.
        return rest, wrap_output("transform", rows, X, transformer)

    return GranularityBlocks(rows, slices, answering)


def _network_rows(estimator, X):
    """Return pooled maps, or whole ones where the fusion looks at neighbours."""
    network: Any = folded(estimator.network_)
    source = estimator._source(read_images(estimator, X, reset=False))
    device = estimator.device_
    if getattr(network, "fuse_maps", True):
        shapes = [
            (level.channels, *level.map_size(estimator.image_size_))
            for level in network.pyramid.levels
        ]
        widths = [math.prod(shape) for shape in shapes]
        rows = predict_outputs(lambda x: _flat(network.extract(x)), source, device)

        def answer(rows):
            parts = zip(rows.split(widths, dim=1), shapes, strict=True)
            return _answer(
                network,
                [part.unflatten(1, shape) for part, shape in parts],
                estimator.image_size_,
            )
    else:
        widths = list(network.pooled_widths().values())
        rows = _pooled(estimator, network, source)
        answer = network
    edges = pairwise(accumulate(widths, initial=0))
    slices = {
        name: slice(*ends)
        for name, ends in zip(estimator.granularities_, edges, strict=True)
    }

    def answering(rows):
        outputs = predict_outputs(answer, RowSource(torch.from_numpy(rows)), device)
        return _with_outputs(estimator, outputs), X

    return GranularityBlocks(rows.numpy(), slices, answering)


def _flat(maps):
    return torch.cat([map_.flatten(1) for map_ in maps], dim=1)


def _answer(network, maps, size):
    """Return the raw numbers of whole maps."""
    if hasattr(network, "answer"):
        return network.answer(maps, size)
    return network.head(network.fuse(maps))


def _pooled(estimator, network, source):
    if estimator._trained_[1]:
        return estimator._pooled_rows(source)  # from `memory`, where there is one
    return predict_outputs(network.pooled, source, estimator.device_)


def _with_outputs(estimator, outputs):
    """Return the estimator as it would be if its network gave these raw numbers."""
    view = object.__new__(type(estimator))
    vars(view).update(vars(estimator))
    view._outputs = view._outputs_of = lambda _: outputs
    return view
