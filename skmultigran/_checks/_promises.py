"""Promises that scikit-learn's checks cannot test: one label per sample is too little.

Each check takes an estimator that is not fitted, images and their answers; the latter
are a list, an array or a structured array, which has rows as the others do.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

RADIUS = 5
_SIZE = (24, 20)
_N_IMAGES = 12
_COMPARED = ("boxes", "labels", "scores", "levels")

Check = Callable[[Any], None]


def bound(check: Callable, scenes: Callable[[Any], tuple[np.ndarray, Any]]) -> Check:
    """Return a check of an estimator alone.

    Parameters
    ----------
    check : callable
        `check(estimator, X, y)`.
    scenes : callable
        An estimator to the images and answers that it can learn.

    Returns
    -------
    callable
        The check, with the same name.
    """

    @functools.wraps(check)
    def bound_check(estimator: Any) -> None:
        subject = clone(estimator)
        if "random_state" in subject.get_params():
            subject.set_params(random_state=0)
        check(subject, *scenes(subject))

    return bound_check


def discs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images with one bright disc each.

    Returns
    -------
    images : ndarray of shape (12, 24, 20)
        The images.
    inside : ndarray of bool of shape (12, 24, 20)
        Which pixels belong to the disc.
    centres : ndarray of int of shape (12, 2)
        Row and column of its centre.
    """
    generator = np.random.default_rng(0)
    y, x = np.mgrid[: _SIZE[0], : _SIZE[1]]
    limits = np.array(_SIZE) - RADIUS - 1
    centres = generator.integers(RADIUS, limits, (_N_IMAGES, 2))
    inside = np.stack([np.hypot(y - a, x - b) <= RADIUS for a, b in centres])
    return 0.5 * inside + generator.uniform(0, 0.4, inside.shape), inside, centres


def require(promise: bool, message: str) -> None:
    """Raise an AssertionError with the message unless the promise is kept."""
    if not promise:
        raise AssertionError(message)


def same(one: Any, other: Any, *, rounding: bool = False) -> bool:
    """Tell whether two predictions, or two targets, are equal to the last bit.

    Parameters
    ----------
    one, other : sequence
        Answers: numbers, labels, arrays, rows of a structured array, or dictionaries of
        boxes.
    rounding : bool, default=False
        Whether floats may differ by rounding.

    Returns
    -------
    bool
        Whether they are.
    """
    if len(one) != len(other):
        return False
    equal = _close if rounding else np.array_equal
    return all(
        equal(a, b)
        for pair in zip(one, other, strict=True)
        for a, b in zip(*map(_arrays, pair), strict=True)
    )


def _arrays(answer: Any) -> list[np.ndarray]:
    if isinstance(answer, dict):
        return [np.asarray(answer.get(name)) for name in _COMPARED]
    names = getattr(getattr(answer, "dtype", None), "names", None)
    return [np.asarray(answer[n]) for n in names] if names else [np.asarray(answer)]


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype.kind != "f" or one.shape != other.shape:
        return np.array_equal(one, other)
    return np.allclose(one, other, rtol=1e-4, atol=1e-5)


@contextmanager
def raises(kind: type[Exception], words: str, promise: str) -> Iterator[None]:
    """Require that an error is raised whose message has the words."""
    try:
        yield
    except kind as error:
        require(
            words.lower() in str(error).lower(),
            f"{promise}: the message {str(error)!r} does not say {words!r}.",
        )
    else:
        raise AssertionError(f"{promise}: no {kind.__name__} was raised.")


def state(estimator: Any) -> dict[str, bytes]:
    """Return all that a pickle of the estimator holds, for comparison."""
    state = estimator.__getstate__()
    return {name: pickle.dumps(value) for name, value in state.items()}


def check_parameters_are_kept(estimator: Any, X: Any, y: Any) -> None:
    before = estimator.get_params(deep=False)
    estimator.fit(X, y)
    after = estimator.get_params(deep=False)
    changed = [name for name in before if after[name] is not before[name]]
    require(not changed, f"fit changed the parameters {changed}.")


def check_clone_is_unfitted(estimator: Any, X: Any, y: Any) -> None:
    copy = clone(estimator.fit(X, y))
    fitted = [n for n in vars(copy) if n.endswith("_") and not n.startswith("_")]
    require(not fitted, f"clone has the fitted attributes {fitted}.")


def check_fit_returns_self(estimator: Any, X: Any, y: Any) -> None:
    require(estimator.fit(X, y) is estimator, "fit does not return self.")


def check_fit_is_idempotent(estimator: Any, X: Any, y: Any) -> None:
    first = estimator.fit(X, y).predict(X)
    again = estimator.fit(X, y).predict(X)
    require(same(first, again), "A second fit on the same data predicts otherwise.")


def check_fit_leaves_its_input(estimator: Any, X: Any, y: Any) -> None:
    X_before, y_before = X.copy(), pickle.loads(pickle.dumps(y))
    X.setflags(write=False)
    estimator.fit(X, y).predict(X)
    require(np.array_equal(X, X_before), "fit or predict changed X.")
    require(same(y, y_before), "fit changed y.")


def check_predict_leaves_the_estimator(estimator: Any, X: Any, y: Any) -> None:
    before = state(estimator.fit(X, y))
    estimator.predict(X)
    require(state(estimator) == before, "predict changed the estimator.")


def check_batches_do_not_matter(estimator: Any, X: Any, y: Any) -> None:
    together = estimator.fit(X, y).predict(X)
    alone = [estimator.predict(X[i : i + 1])[0] for i in range(len(X))]
    close = same(together, alone, rounding=True)
    require(close, "An image alone is predicted otherwise.")


def check_order_does_not_matter(estimator: Any, X: Any, y: Any) -> None:
    together = estimator.fit(X, y).predict(X)
    backwards = estimator.predict(X[::-1])
    require(same(together, backwards[::-1]), "Predictions depend on the order.")


def check_pickles(estimator: Any, X: Any, y: Any) -> None:
    estimator.fit(X, y)
    again = pickle.loads(pickle.dumps(estimator))
    require(same(estimator.predict(X), again.predict(X)), "Pickling changes answers.")


def check_zero_weight_is_absence(estimator: Any, X: Any, y: Any) -> None:
    weights = np.r_[0, 0, np.full(len(X) - 2, 2.0)]
    weighted = estimator.fit(X, y, sample_weight=weights).predict(X)
    absent = estimator.fit(X[2:], y[2:]).predict(X)
    require(same(weighted, absent), "Weight zero is not the same as absence.")


def check_not_fitted(estimator: Any, X: Any, y: Any) -> None:
    with raises(NotFittedError, "not fitted", "predict before fit"):
        estimator.predict(X)


def check_missing_y(estimator: Any, X: Any, y: Any) -> None:
    with raises(ValueError, "y", "fit without y"):
        estimator.fit(X, None)


def check_inconsistent_lengths(estimator: Any, X: Any, y: Any) -> None:
    with raises(ValueError, "inconsistent", "y shorter than X"):
        estimator.fit(X, y[:-1])


def check_nan_is_refused(estimator: Any, X: Any, y: Any) -> None:
    X = X.copy()
    X[3, 2, 1] = np.nan
    with raises(ValueError, "NaN", "NaN in X"):
        estimator.fit(X, y)


def check_failing_fit_loses_nothing(estimator: Any, X: Any, y: Any) -> None:
    before = state(estimator.fit(X, y))
    with raises(ValueError, "", "y shorter than X"):
        estimator.fit(X, y[:-1])
    require(state(estimator) == before, "A failing fit changed the estimator.")


def check_n_features(estimator: Any, X: Any, y: Any) -> None:
    estimator.fit(X, y)
    require(
        estimator.n_features_in_ == X[0].size,
        f"n_features_in_ is {estimator.n_features_in_}, not {X[0].size}.",
    )


def check_estimator_type(estimator: Any, X: Any, y: Any) -> None:
    wrong = is_classifier(estimator) or is_regressor(estimator)
    require(not wrong, "Folds would be stratified by what is no label.")


def check_cross_validation(estimator: Any, X: Any, y: Any) -> None:
    scores = cross_val_score(estimator, X, y, cv=2, error_score="raise")
    require(
        bool(np.isfinite(scores).all()) and bool((scores <= 1).all()),
        f"Scores {scores} are not finite or above one.",
    )


PROMISES = (
    check_parameters_are_kept,
    check_clone_is_unfitted,
    check_fit_returns_self,
    check_fit_is_idempotent,
    check_fit_leaves_its_input,
    check_predict_leaves_the_estimator,
    check_batches_do_not_matter,
    check_order_does_not_matter,
    check_pickles,
    check_zero_weight_is_absence,
    check_not_fitted,
    check_missing_y,
    check_inconsistent_lengths,
    check_nan_is_refused,
    check_failing_fit_loses_nothing,
    check_n_features,
    check_estimator_type,
    check_cross_validation,
)
