"""What a model saw of images: a block of columns per granularity."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import torch

from skmultigran._network import DenseNetwork
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
    answers_from : callable
        Rows to a fitted estimator and the X with which it answers from these rows.
    rest : Pipeline or None
        The fitted steps behind a transformer.
    """

    rows: np.ndarray
    slices: dict[str, slice]
    answers_from: Callable[[np.ndarray], tuple[Any, Any]]
    rest: Any = None

    @property
    def granularities(self) -> list[str]:
        """Names of the granularities, fine to coarse."""
        return list(self.slices)

    @property
    def n_images(self) -> int:
        """Number of images."""
        return len(self.rows)

    def answering(self) -> tuple[Any, Any]:
        """Return a fitted estimator, and the X with which it answers from this.

        Returns
        -------
        estimator : estimator or None
            None where nothing answers.
        X : array-like
            What to pass to it.
        """
        return self.answers_from(self.rows)

    def means(self) -> GranularityBlocks:
        """Return each image as the mean of all.

        Returns
        -------
        GranularityBlocks
            The means.
        """
        mean = self.rows.mean(axis=0, dtype=np.float64).astype(self.rows.dtype)
        return self._replace(rows=np.broadcast_to(mean, self.rows.shape))

    def replaced(self, granularity, other, order=None) -> GranularityBlocks:
        """Return this with one granularity taken from elsewhere.

        Parameters
        ----------
        granularity : str
            Its name.
        other : GranularityBlocks
            Where it is taken from.
        order : ndarray of int of shape (n,) or None, default=None
            Which image of `other` each image gets it from; None: the same.

        Returns
        -------
        GranularityBlocks
            The new one.
        """
        part = self.slices[granularity]
        values = other.rows[:, part]
        rows = self.rows.copy()
        rows[:, part] = values if order is None else values[order]
        return self._replace(rows=rows)


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
    return _blocks(model, X, caller, _network_rows)


def pooled_blocks(model, X, caller) -> GranularityBlocks:
    """Return what was seen of images as columns, with any fusion.

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
        The columns of a transformer, of predictors the pooled maps.

    Raises
    ------
    TypeError
        If the model has no granularities, or is about pixels.
    """
    return _blocks(model, X, caller, _pooled_rows)


def _blocks(model, X, caller, blocks_of_predictor):
    estimator, X, rest = last_network(model, X, caller)
    if isinstance(estimator, MultiGranularityTransformer):
        return _columns(estimator, X, rest)
    check_is_last(estimator, rest, caller)
    return blocks_of_predictor(estimator, X, caller)


def check_is_last(estimator, rest, caller):
    """Check that a predictor is the last step of its pipeline.

    Parameters
    ----------
    estimator : estimator
        The predictor.
    rest : Pipeline or None
        The steps behind it.
    caller : str
        Name of the public function, for the message.

    Raises
    ------
    TypeError
        If there are steps behind it.
    """
    if rest is not None:
        raise TypeError(
            f"{caller} got a Pipeline in which {type(estimator).__name__} is not the "
            "last step."
        )


def _columns(transformer, X, rest):
    """Return the columns of a transformer, and the model behind it that answers."""
    slices = transformer.granularity_slices_
    rows = np.asarray(transformer.transform(X))

    def answers_from(rows):
        # Of the kind that `set_output` asks for, as the model has seen in fit.
        return rest, wrap_output("transform", rows, X, transformer)

    return GranularityBlocks(rows, slices, answers_from, rest)


def _network_rows(estimator, X, caller):
    """Return pooled maps, or whole ones where the fusion looks at neighbours."""
    network: Any = folded(estimator.network_)
    source = estimator._source(read_images(estimator, X, reset=False))
    device = estimator.device_
    answer: Callable[[torch.Tensor], torch.Tensor]
    if isinstance(network, DenseNetwork):  # of several tasks, some about pixels
        shapes = network.map_shapes(estimator.image_size_)
        widths = [math.prod(shape) for shape in shapes]
        rows = predict_outputs(
            lambda x: _flat(network.extract(network.padded(x))), source, device
        )
        answer = network
    elif network.fuse_maps:
        shapes = [
            (level.channels, *level.map_size(estimator.image_size_))
            for level in network.pyramid.levels
        ]
        widths = [math.prod(shape) for shape in shapes]
        rows = predict_outputs(lambda x: _flat(network.extract(x)), source, device)

        def answer(rows):
            parts = zip(rows.split(widths, dim=1), shapes, strict=True)
            maps = [part.unflatten(1, shape) for part, shape in parts]
            return network.head(network.fuse(maps))
    else:
        widths = list(network.pooled_widths().values())
        rows = _pooled(estimator, network, source)
        answer = network

    def answers_from(rows):
        source = RowSource(torch.from_numpy(np.ascontiguousarray(rows)))
        return _with_outputs(estimator, predict_outputs(answer, source, device)), X

    return GranularityBlocks(rows.numpy(), _slices(estimator, widths), answers_from)


def _slices(estimator, widths):
    edges = pairwise(accumulate(widths, initial=0))
    names = estimator.granularities_
    return {name: slice(*ends) for name, ends in zip(names, edges, strict=True)}


def _flat(maps):
    return torch.cat([map_.flatten(1) for map_ in maps], dim=1)


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


def _pooled_rows(estimator, X, caller):
    network: Any = folded(estimator.network_)
    if isinstance(network, DenseNetwork):
        raise TypeError(
            f"{caller} got a {type(estimator).__name__} with a task about pixels; it "
            "takes models of whole images only."
        )
    source = estimator._source(read_images(estimator, X, reset=False))
    slices = _slices(estimator, network.pooled_widths().values())
    rows = _pooled(estimator, network, source).numpy()
    return GranularityBlocks(rows, slices, lambda rows: (None, X))
