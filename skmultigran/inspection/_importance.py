"""How much worse a model gets without one of its granularities."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from skmultigran._support import HasMethods, Interval, StrOptions, validate_params
from skmultigran.inspection._blocks import check_is_last, granularity_blocks
from skmultigran.inspection._last_network import last_network
from skmultigran.inspection._map_tiles import granularity_map_tiles


@validate_params(
    {
        "estimator": [HasMethods(["fit"])],
        "X": "no_validation",
        "y": "no_validation",
        "scoring": [str, callable, list, tuple, set, dict, None],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions({"permute", "mean", "only"})],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def granularity_importance(
    estimator,
    X,
    y,
    *,
    scoring=None,
    n_repeats=5,
    method="permute",
    random_state=None,
    n_jobs=None,
    sample_weight=None,
):
    """Return how much the score depends on each granularity [1]_.

    All features of one granularity are replaced together, as they depend on each other,
    and the score is computed again. The images pass through the backbone once: only
    fusion and head, or the steps after the transformer, run again.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier, regressor, segmenter, detector or multi-task estimator of
        this package; a `Pipeline` that ends in one of them; a `Pipeline` with a
        `MultiGranularityTransformer`, also within a `ColumnTransformer`, and any model
        after it; or a fitted search such as `GridSearchCV`, whose `best_estimator_` is
        used.
    X : array-like
        Images accepted by the estimator. Images not used in fit show what helps to
        generalise.
    y : array-like
        Their targets.
    scoring : str, callable, list, tuple, set, dict or None, default=None
        As in scikit-learn. None: `score` of the estimator; for several tasks its
        `scores`.
    n_repeats : int, default=5
        Number of permutations of each granularity. The other methods are deterministic
        and have one repeat.
    method : {"permute", "mean", "only"}, default="permute"
        - "permute": each image gets the features of another image. The result is the
          decrease of the score.
        - "mean": each image gets the mean features over the images; for segmenters and
          detectors, over images and positions. The result is the decrease of the score;
          unlike permuted features, means do not favour a wrong prediction.
        - "only": all the *other* granularities are replaced by their means. The result
          is the increase of the score over means alone.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations, which are the same for all granularities.
    n_jobs : int or None, default=None
        Number of threads that compute scores.
    sample_weight : array-like of shape (n,), default=None
        Weights of the images in the score.

    Returns
    -------
    Bunch or dict of str to Bunch
        With several scores, such as those of tasks, one per score.

        importances_mean, importances_std : ndarray of shape (n_granularities,)
            Mean and standard deviation over the repeats.
        importances : ndarray of shape (n_granularities, n_repeats)
            Decrease of the score, or with "only" its increase.
        granularities : list of str
            Their names, from fine to coarse.
        baseline : float
            Score from which it decreases, or with "only" increases.

    Raises
    ------
    TypeError
        If the estimator has no granularities, or nothing to score.

    Notes
    -----
    Importances show what this model uses, not what the images contain: two
    granularities with the same information may both have low importances. Compare with
    "only".

    Fusions that combine neighbouring positions ("fpn", "pafpn", "bifpn") need whole
    maps, as do segmenters and detectors; these are kept in memory for all images of X.
    All others need little memory. If sizes of images differ, maps of other images are
    resized.

    References
    ----------
    .. [1] L. Breiman, "Random Forests", Machine Learning 45, 2001; grouped as in
       B. Gregorutti et al., "Grouped variable importance with random forests and
       application to multiple functional data analysis", CSDA 90, 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmultigran import MultiGranularityTransformer
    >>> from skmultigran.inspection import granularity_importance
    >>> X, y = load_digits(return_X_y=True)
    >>> model = make_pipeline(MultiGranularityTransformer(), RidgeClassifier())
    >>> model = model.fit(X[::2], y[::2])
    >>> result = granularity_importance(model, X[1::2], y[1::2], method="only")
    >>> result.granularities  # each of them knows much, but not all
    ['s1.00_l0', 's1.00_l1']
    >>> result.importances_mean.round(1)
    array([0.9, 0.8])
    """
    seen = _seen(estimator, X)
    first, replaced = _replacements(seen, method, n_repeats, random_state)
    answering = first.answering()
    scorer = _scorer(answering[0], estimator, scoring)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}

    def score(seen):
        return scorer(*seen.answering(), y, **weights)

    baseline = scorer(*answering, y, **weights)
    scores = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(lambda make: score(make()))(make) for make in replaced
    )
    sign = -1 if method == "only" else 1
    names = seen.granularities
    if not isinstance(baseline, dict):
        return _summary(baseline, scores, names, sign)
    return {
        name: _summary(baseline[name], [s[name] for s in scores], names, sign)
        for name in baseline
    }


def _seen(estimator, X):
    """Look at the images once, and return what was seen of each granularity."""
    caller = "granularity_importance"
    found = last_network(estimator, None, caller, dense=True)
    if not hasattr(found.estimator, "_tile_maps"):
        return granularity_blocks(estimator, X, caller)
    check_is_last(found.estimator, found.rest, caller)
    _, seen, _ = last_network(estimator, X, caller, dense=True)
    return granularity_map_tiles(found.estimator, seen)


def _scorer(answering, estimator, scoring):
    if answering is None:
        raise TypeError(
            f"granularity_importance got a {type(estimator).__name__} that answers "
            "nothing. Pass a Pipeline with a classifier or regressor as last step."
        )
    if scoring is None and hasattr(answering, "scores"):
        return type(answering).scores
    return check_scoring(answering, scoring)


def _replacements(seen, method, n_repeats, random_state):
    """Return what the baseline is of, and functions that give all the others.

    The functions are granularity by granularity, repeat by repeat.
    """
    names = seen.granularities
    if method == "permute":
        generator = check_random_state(random_state)
        orders = [generator.permutation(seen.n_images) for _ in range(n_repeats)]
        return seen, [
            lambda name=name, order=order: seen.replaced(name, seen, order)
            for name in names
            for order in orders
        ]
    means = seen.means()
    below, above = (seen, means) if method == "mean" else (means, seen)
    return below, [lambda name=name: below.replaced(name, above) for name in names]


def _summary(baseline, scores, granularities, sign):
    scores = np.asarray(scores, dtype=float).reshape(len(granularities), -1)
    importances = sign * (baseline - scores)
    return Bunch(
        importances_mean=importances.mean(axis=1),
        importances_std=importances.std(axis=1),
        importances=importances,
        granularities=granularities,
        baseline=float(baseline),
    )
