"""The network that a fitted model ends in, or that feeds it, and what it sees."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skmultigran._support import safe_indexing
from skmultigran.estimators import (
    BaseMultiGranularity,
    HypercolumnTransformer,
    MultiGranularityDetector,
    MultiGranularitySegmenter,
)
from skmultigran.inspection._beside import columns_beside

_DENSE = (MultiGranularitySegmenter, MultiGranularityDetector)


class LastNetwork(NamedTuple):
    """An estimator of this package within a model.

    Attributes
    ----------
    estimator : estimator
        The predictor or transformer.
    X : array-like
        What it gets: the images after the steps before it.
    rest : Pipeline or None
        The fitted steps after it.
    """

    estimator: Any
    X: Any
    rest: Pipeline | None


def last_network(model, X, caller, *, dense=False) -> LastNetwork:
    """Return the estimator of this package that a fitted model ends in or is fed by.

    Parameters
    ----------
    model : estimator
        A predictor, the transformer, a pipeline with one of them, also in a
        `ColumnTransformer`, or a fitted search over such, of which its
        `best_estimator_` is taken.
    X : array-like or None
        Images, as the model takes them. None: of no interest.
    caller : str
        Name of the public function, for the messages.
    dense : bool, default=False
        Whether segmenters and detectors are welcome too.

    Returns
    -------
    LastNetwork
        The estimator, with what comes before and after.

    Raises
    ------
    TypeError
        If there is none.
    """
    model = best_of(model)
    if not isinstance(model, Pipeline):
        if _is_ours(model, dense):
            check_is_fitted(model)
            return LastNetwork(model, X, None)
        raise TypeError(_refusal(model, caller))
    check_is_fitted(model)
    for position in reversed(range(len(model))):
        step = best_of(model.steps[position][1])
        table = _has_images_column(step)
        if table or _is_ours(step, dense) or isinstance(step, Pipeline):
            seen = X if X is None or not position else model[:position].transform(X)
            look = _in_table if table else last_network
            found = look(step, seen, caller, dense=dense)
            rest = [*_steps(found.rest), *model.steps[position + 1 :]]
            return found._replace(rest=Pipeline(rest) if rest else None)
    raise TypeError(_refusal(model, caller))


def _has_images_column(step):
    """Whether a step is a `ColumnTransformer`, of which one branch is of images."""
    return isinstance(step, ColumnTransformer) and len(_image_branches(step)) == 1


def _image_branches(table):
    return [
        (name, branch, columns)
        for name, branch, columns in table.transformers_
        if _is_ours(branch, False)
        or (
            isinstance(branch, Pipeline)
            and any(_is_ours(step, False) for _, step in branch.steps)
        )
    ]


def _in_table(table, X, caller, *, dense):
    """Return the transformer in a `ColumnTransformer`, and the table behind it."""
    ((name, branch, columns),) = _image_branches(table)
    column = X if X is None else safe_indexing(X, columns, axis=1)
    found = last_network(branch, column, caller, dense=dense)
    if X is None:
        return found
    beside = columns_beside(table.transform(X), table.output_indices_[name])
    return found._replace(rest=Pipeline([*_steps(found.rest), ("table", beside)]))


def best_of(model):
    """Return the best estimator of a fitted search, or another model as it is.

    Parameters
    ----------
    model : estimator
        Anything; a search has `best_estimator_`, as `GridSearchCV`.

    Returns
    -------
    estimator
        The fitted estimator that predicts.
    """
    return getattr(model, "best_estimator_", model)


def learned_attribute(model, name, caller):
    """Return what the network that a fitted model ends in knows, or None.

    Parameters
    ----------
    model : estimator
        Anything that predicts, of this package or not.
    name : str
        Name of the attribute.
    caller : str
        Name of the public function, for messages.

    Returns
    -------
    object or None
        The attribute; None where there is no such network, or it has none.
    """
    try:
        owner = last_network(model, None, caller, dense=True).estimator
    except TypeError:
        owner = best_of(model)
    return getattr(owner, name, None)


def _steps(pipeline):
    return pipeline.steps if pipeline is not None else []


def _is_ours(model, dense):
    ours = isinstance(model, BaseMultiGranularity)
    return ours and (dense or not isinstance(model, _DENSE))


def _refusal(model, caller):
    name = type(model).__name__
    if hasattr(model, "estimator") and hasattr(model, "refit"):
        return (
            f"{caller} got a {name} without best_estimator_. Fit it, with refit=True."
        )
    if isinstance(model, _DENSE):
        return f"{caller} got a {name}; it takes models of whole images only."
    if isinstance(model, HypercolumnTransformer):
        return (
            f"{caller} got a {name}, whose rows are pixels, not images. Pass a model "
            "of images, such as MultiGranularityTransformer; granularity_slices_ tells "
            "which columns of pixels are of which granularity."
        )
    return (
        f"{caller} got a {name}, which has no granularities. Pass a fitted "
        "estimator of skmultigran, such as MultiGranularityClassifier, or a Pipeline "
        "that has one, or a MultiGranularityTransformer, as a step, also in a "
        "ColumnTransformer with one such column."
    )
