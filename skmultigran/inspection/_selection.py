"""The granularities that are enough, chosen one after the other."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.model_selection import check_cv, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.parallel import Parallel, delayed

from skmultigran._support import HasMethods, Interval, StrOptions, validate_params
from skmultigran.inspection._beside import needs_a_table
from skmultigran.inspection._blocks import pooled_blocks
from skmultigran.inspection._last_network import last_network

_ALPHAS = np.logspace(0, 5, 11)


@validate_params(
    {
        "estimator": [HasMethods(["fit"])],
        "X": "no_validation",
        "y": "no_validation",
        "model": [HasMethods(["fit"]), None],
        "n_granularities": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "tol": [Interval(Real, 0, None, closed="left")],
        "scoring": [str, callable, None],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def select_granularities(
    estimator,
    X,
    y,
    *,
    model=None,
    n_granularities="auto",
    tol=0.001,
    scoring=None,
    cv=5,
    n_jobs=None,
):
    """Select granularities one by one, each time the one that helps most.

    Forward selection of whole granularities: a model is cross-validated on the columns
    of those selected so far and each candidate; the best candidate is added. The images
    pass through the backbone once.

    Parameters
    ----------
    estimator : estimator
        A fitted `MultiGranularityTransformer`, a `Pipeline` with one, or a fitted
        predictor of whole images, whose pooled maps are the columns; or a fitted search
        over these.
    X : array-like
        Images accepted by the estimator. If its network was trained, use images that
        were not used in fit.
    y : array-like of shape (n,) or (n, n_columns)
        Their targets.
    model : estimator or None, default=None
        Model fitted on the columns. None: the steps after the transformer; if there are
        none, `RidgeClassifierCV` or `RidgeCV` on standardised columns.
    n_granularities : int or "auto", default="auto"
        Number of granularities to select. "auto": until the mean score increases by
        less than `tol`.
    tol : float, default=0.001
        Minimum increase of the mean score for another granularity.
    scoring : str, callable or None, default=None
        One score, as in scikit-learn. None: `score` of the model.
    cv : int, cross-validation generator or iterable, default=5
        Cross-validation folds, as in scikit-learn.
    n_jobs : int or None, default=None
        Processes that fit models. None: one; -1: all processors.

    Returns
    -------
    Bunch
        With the attributes:

        granularities : list of str
            Names of the selected granularities, from fine to coarse.
        order : list of str
            The same names in order of selection.
        scores : ndarray of shape (n_chosen,)
            Mean score after each selection.
        cv_scores : ndarray of shape (n_chosen, n_folds)
            Score of each fold after each selection.
        full_score : float
            Mean score with all granularities.
        columns : ndarray of int
            Columns of the selected granularities.
        scales : tuple of float
            Scales that they require.
        out_indices : tuple of int or None
            Levels that they require, for the parameter of that name of the backbone;
            None if it has no such parameter.

    Raises
    ------
    TypeError
        If the estimator has no granularities, or is about pixels.
    ValueError
        If more granularities are requested than exist, or if y has the targets of
        several tasks.

    Notes
    -----
    A smaller estimator is `clone(estimator).set_params(scales=found.scales,
    backbone__out_indices=found.out_indices)`. It uses every selected level at every
    selected scale, which may be more granularities than were selected.

    As the folds are used for the selection, `scores` are slightly optimistic; evaluate
    the smaller estimator on other images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityTransformer
    >>> from skmultigran.inspection import select_granularities
    >>> X, y = load_digits(return_X_y=True)
    >>> columns = MultiGranularityTransformer(scales=(1.0, 0.5)).fit(X)
    >>> len(columns.granularities_)
    4
    >>> found = select_granularities(columns, X[:500], y[:500], n_granularities=2)
    >>> found.granularities, found.scales
    (['s1.00_l0', 's1.00_l1'], (1.0,))
    """
    caller = "select_granularities"
    blocks = pooled_blocks(estimator, X, caller)
    names = blocks.granularities
    if n_granularities != "auto" and n_granularities > len(names):
        raise ValueError(
            f"{caller} got n_granularities={n_granularities}, but there are "
            f"{len(names)}: {', '.join(names)}."
        )
    network = last_network(estimator, None, caller).estimator
    if hasattr(network, "tasks") and _has_names(y):
        raise ValueError(
            f"{caller} chooses for one answer, but y has several, as the tasks "
            f"{list(network.tasks)} of {type(network).__name__} have. Pass y of one "
            f"of them: y[{next(iter(network.tasks))!r}]."
        )
    model = _model(model, blocks.rest, estimator, y)
    folds = list(check_cv(cv, y, classifier=is_classifier(model)).split(blocks.rows, y))
    with Parallel(n_jobs=n_jobs) as parallel:

        def scores_of(sets):
            return parallel(
                delayed(_folds_scores)(
                    model, blocks.rows, _columns(blocks, each), y, folds, scoring
                )
                for each in sets
            )

        order, scores = _chosen_in_turn(names, scores_of, n_granularities, tol)
        (full,) = scores_of([names])
    chosen = [name for name in names if name in order]
    scales, out_indices = _parameters(network, chosen)
    return Bunch(
        granularities=chosen,
        order=order,
        scores=scores.mean(axis=1),
        cv_scores=scores,
        full_score=float(full.mean()),
        columns=_columns(blocks, chosen),
        scales=scales,
        out_indices=out_indices,
    )


# Joblib maps arrays that are arguments into the memory of all processes; what a
# function closes over is copied for each task.
def _folds_scores(model, rows, columns, y, folds, scoring):
    return cross_val_score(clone(model), rows[:, columns], y, cv=folds, scoring=scoring)


def _model(model, rest, estimator, y):
    """Return what learns from columns."""
    if model is not None or rest is not None:
        if model is None and needs_a_table(rest):
            raise ValueError(
                "select_granularities got a model of images beside other columns of a "
                "table, which cannot learn from the images' columns alone. Pass "
                "model=, the estimator that learns from those columns, such as "
                "LogisticRegression()."
            )
        return model if model is not None else rest
    numbers = type_of_target(y).startswith("continuous") or is_regressor(estimator)
    ridge = RidgeCV if numbers else RidgeClassifierCV
    return make_pipeline(StandardScaler(), ridge(alphas=_ALPHAS))


def _has_names(y):
    """Whether y has named columns: a data frame, a structured array or a dict."""
    names = getattr(getattr(y, "dtype", None), "names", None)
    return isinstance(y, dict) or hasattr(y, "columns") or names is not None


def _columns(blocks, chosen):
    parts = [blocks.slices[name] for name in blocks.granularities if name in chosen]
    return np.concatenate([np.arange(part.start, part.stop) for part in parts])


def _chosen_in_turn(names, scores_of, n_granularities, tol):
    """Return names in the order in which they were chosen, and scores of the folds."""
    most = len(names) if n_granularities == "auto" else n_granularities
    order: list[str] = []
    kept: list[np.ndarray] = []
    while len(order) < most:
        left = [name for name in names if name not in order]
        scores = np.array(scores_of([[*order, name] for name in left]))
        best = scores.mean(axis=1).argmax()
        if n_granularities == "auto" and kept:
            gain = scores[best].mean() - kept[-1].mean()
            if gain < tol or gain <= 0:
                break
        order.append(left[best])
        kept.append(scores[best])
    return order, np.array(kept)


def _parameters(estimator, chosen):
    """Return `scales` and `out_indices` of the smallest estimator that sees these."""
    recipe = estimator.network_recipe_
    found = [name.removeprefix("s").split("_l") for name in chosen]
    needed = {scale for scale, _ in found}
    scales = tuple(scale for scale in recipe.scales if f"{scale:.2f}" in needed)
    if "out_indices" not in recipe.backbone.get_params():
        return scales, None
    every = clone(recipe.backbone).set_params(out_indices=None)
    count = len(every.levels(recipe.in_channels, recipe.image_size))
    given = recipe.backbone.out_indices
    known = range(count) if given is None else sorted(int(i) % count for i in given)
    return scales, tuple(sorted({list(known)[int(level)] for _, level in found}))
