"""The promises of estimators whose answers lie in the image, each as a check."""

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

_SIZE = (24, 20)
_N_IMAGES = 12
_RADIUS = 5
_COMPARED = ("boxes", "labels", "scores", "levels")

Check = Callable[[Any], None]


def check_dense_estimator(estimator: Any, *, answers: str = "masks") -> None:
    """Check that an estimator of masks or boxes keeps scikit-learn's promises.

    scikit-learn's own checks pass one label or number per sample, which such estimators
    cannot take. These cover the same ground.

    Parameters
    ----------
    estimator : estimator
        An instance with parameters that make it quick. It is cloned, never fitted.
    answers : {"masks", "boxes"}, default="masks"
        What it predicts: integer masks, or dictionaries of boxes and labels.

    Raises
    ------
    AssertionError
        If a promise is broken; the message says which.

    See Also
    --------
    dense_estimator_checks : The same checks one by one, for `pytest.mark.parametrize`.

    Examples
    --------
    >>> from skmultigran import ConvNetBackbone, MultiGranularitySegmenter
    >>> from skmultigran.estimator_checks import check_dense_estimator
    >>> small = ConvNetBackbone(widths=(4, 6), stem_stride=1)
    >>> check_dense_estimator(
    ...     MultiGranularitySegmenter(backbone=small, fusion="concat", max_epochs=1)
    ... )
    """
    for check in dense_estimator_checks(answers=answers):
        check(estimator)


def dense_estimator_checks(*, answers: str = "masks") -> list[Check]:
    """Return the checks of `check_dense_estimator`, one by one.

    Parameters
    ----------
    answers : {"masks", "boxes"}, default="masks"
        What the estimator predicts.

    Returns
    -------
    list of callable
        Each takes an estimator and raises an AssertionError if a promise is broken; its
        `__name__` says which.

    Raises
    ------
    ValueError
        If `answers` is neither.

    Examples
    --------
    >>> from skmultigran.estimator_checks import dense_estimator_checks
    >>> checks = dense_estimator_checks(answers="boxes")
    >>> len(checks), checks[0].__name__
    (20, 'check_parameters_are_kept')
    """
    if answers not in ("masks", "boxes"):
        raise ValueError(f"answers={answers!r} must be 'masks' or 'boxes'.")
    return [_bound(check, answers) for check in _CHECKS]


def _bound(check: Callable, answers: str) -> Check:
    @functools.wraps(check)
    def bound(estimator: Any) -> None:
        subject = clone(estimator)
        if "random_state" in subject.get_params():
            subject.set_params(random_state=0)
        check(subject, *_scenes(answers))

    return bound


def _scenes(answers: str) -> tuple[np.ndarray, Any]:
    """Return images with one bright disc each, and their masks or boxes."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[: _SIZE[0], : _SIZE[1]]
    limits = np.array(_SIZE) - _RADIUS - 1
    centres = generator.integers(_RADIUS, limits, (_N_IMAGES, 2))
    inside = np.stack([np.hypot(y - a, x - b) <= _RADIUS for a, b in centres])
    images = 0.5 * inside + generator.uniform(0, 0.4, inside.shape)
    if answers == "masks":
        return images, inside.astype(int)
    boxes = [
        {
            "boxes": np.array(
                [[b - _RADIUS, a - _RADIUS, b + _RADIUS + 1, a + _RADIUS + 1]], float
            ),
            "labels": np.array(["disc" if a > limits[0] / 2 else "disk"]),
        }
        for a, b in centres
    ]
    return images, boxes


def _assert(promise: bool, message: str) -> None:
    if not promise:
        raise AssertionError(message)


def _same(one: Any, other: Any) -> bool:
    """Tell whether two predictions, or two targets, are equal to the last bit."""
    if len(one) != len(other):
        return False
    for a, b in zip(one, other, strict=True):
        if isinstance(a, dict):
            parts = [k for k in _COMPARED if k in a or k in b]
            if not all(np.array_equal(a[k], b[k]) for k in parts):
                return False
        elif not np.array_equal(a, b):
            return False
    return True


@contextmanager
def _raises(kind: type[Exception], words: str, promise: str) -> Iterator[None]:
    try:
        yield
    except kind as error:
        _assert(
            words.lower() in str(error).lower(),
            f"{promise}: the message {str(error)!r} does not say {words!r}.",
        )
    else:
        raise AssertionError(f"{promise}: no {kind.__name__} was raised.")


def _state(estimator: Any) -> dict[str, bytes]:
    state = estimator.__getstate__()
    return {name: pickle.dumps(value) for name, value in state.items()}


def check_parameters_are_kept(estimator: Any, X: Any, y: Any) -> None:
    before = estimator.get_params(deep=False)
    estimator.fit(X, y)
    after = estimator.get_params(deep=False)
    changed = [name for name in before if after[name] is not before[name]]
    _assert(not changed, f"fit changed the parameters {changed}.")


def check_clone_is_unfitted(estimator: Any, X: Any, y: Any) -> None:
    copy = clone(estimator.fit(X, y))
    fitted = [n for n in vars(copy) if n.endswith("_") and not n.startswith("_")]
    _assert(not fitted, f"clone has the fitted attributes {fitted}.")


def check_fit_returns_self(estimator: Any, X: Any, y: Any) -> None:
    _assert(estimator.fit(X, y) is estimator, "fit does not return self.")


def check_fit_is_idempotent(estimator: Any, X: Any, y: Any) -> None:
    first = estimator.fit(X, y).predict(X)
    again = estimator.fit(X, y).predict(X)
    _assert(_same(first, again), "A second fit on the same data predicts otherwise.")


def check_fit_leaves_its_input(estimator: Any, X: Any, y: Any) -> None:
    X_before, y_before = X.copy(), pickle.loads(pickle.dumps(y))
    X.setflags(write=False)
    estimator.fit(X, y).predict(X)
    _assert(np.array_equal(X, X_before), "fit or predict changed X.")
    _assert(_same(y, y_before), "fit changed y.")


def check_predict_leaves_the_estimator(estimator: Any, X: Any, y: Any) -> None:
    before = _state(estimator.fit(X, y))
    estimator.predict(X)
    _assert(_state(estimator) == before, "predict changed the estimator.")


def check_batches_do_not_matter(estimator: Any, X: Any, y: Any) -> None:
    together = estimator.fit(X, y).predict(X)
    alone = [estimator.predict(X[i : i + 1])[0] for i in range(len(X))]
    _assert(_same(together, alone), "An image alone is predicted otherwise.")


def check_order_does_not_matter(estimator: Any, X: Any, y: Any) -> None:
    together = estimator.fit(X, y).predict(X)
    backwards = estimator.predict(X[::-1])
    _assert(_same(together, backwards[::-1]), "Predictions depend on the order.")


def check_lists_equal_arrays(estimator: Any, X: Any, y: Any) -> None:
    of_array = estimator.fit(X, y).predict(X)
    of_list = estimator.fit(list(X), list(y)).predict(list(X))
    _assert(_same(of_array, of_list), "A list of images is predicted otherwise.")


def check_sizes_may_differ(estimator: Any, X: Any, y: Any) -> None:
    estimator.fit(X, y)
    images = [X[0], X[1][:13], X[2][:, :9], np.tile(X[3], (2, 2))]
    predicted = estimator.predict(images)
    _assert(len(predicted) == len(images), "predict does not answer for every image.")
    _assert(_same(predicted[:1], estimator.predict(X[:1])), "Sizes of others matter.")
    for image, answer in zip(images, predicted, strict=True):
        _check_lies_within(answer, image.shape)


def _check_lies_within(answer: Any, size: tuple[int, ...]) -> None:
    if isinstance(answer, dict):
        height, width = size
        limits = np.array([width, height, width, height])
        inside = (answer["boxes"] >= 0).all() and (answer["boxes"] <= limits).all()
        _assert(bool(inside), "A box lies outside of its image.")
    else:
        _assert(answer.shape == size, f"A mask of {answer.shape} for {size} pixels.")


def check_pickles(estimator: Any, X: Any, y: Any) -> None:
    estimator.fit(X, y)
    again = pickle.loads(pickle.dumps(estimator))
    _assert(_same(estimator.predict(X), again.predict(X)), "Pickling changes answers.")


def check_zero_weight_is_absence(estimator: Any, X: Any, y: Any) -> None:
    weights = np.r_[0, 0, np.full(len(X) - 2, 2.0)]
    weighted = estimator.fit(X, y, sample_weight=weights).predict(X)
    absent = estimator.fit(X[2:], y[2:]).predict(X)
    _assert(_same(weighted, absent), "Weight zero is not the same as absence.")


def check_not_fitted(estimator: Any, X: Any, y: Any) -> None:
    with _raises(NotFittedError, "not fitted", "predict before fit"):
        estimator.predict(X)


def check_missing_y(estimator: Any, X: Any, y: Any) -> None:
    with _raises(ValueError, "y", "fit without y"):
        estimator.fit(X, None)


def check_inconsistent_lengths(estimator: Any, X: Any, y: Any) -> None:
    with _raises(ValueError, "inconsistent", "y shorter than X"):
        estimator.fit(X, y[:-1])


def check_nan_is_refused(estimator: Any, X: Any, y: Any) -> None:
    X = X.copy()
    X[3, 2, 1] = np.nan
    with _raises(ValueError, "NaN", "NaN in X"):
        estimator.fit(X, y)


def check_failing_fit_loses_nothing(estimator: Any, X: Any, y: Any) -> None:
    before = _state(estimator.fit(X, y))
    with _raises(ValueError, "", "y shorter than X"):
        estimator.fit(X, y[:-1])
    _assert(_state(estimator) == before, "A failing fit changed the estimator.")


def check_n_features(estimator: Any, X: Any, y: Any) -> None:
    estimator.fit(X, y)
    _assert(
        estimator.n_features_in_ == X[0].size,
        f"n_features_in_ is {estimator.n_features_in_}, not {X[0].size}.",
    )


def check_estimator_type(estimator: Any, X: Any, y: Any) -> None:
    wrong = is_classifier(estimator) or is_regressor(estimator)
    _assert(not wrong, "Folds would be stratified by what is no label.")


def check_cross_validation(estimator: Any, X: Any, y: Any) -> None:
    scores = cross_val_score(estimator, X, y, cv=2, error_score="raise")
    _assert(
        bool(np.isfinite(scores).all()) and bool((scores <= 1).all()),
        f"Scores {scores} are not finite or above one.",
    )


_CHECKS = (
    check_parameters_are_kept,
    check_clone_is_unfitted,
    check_fit_returns_self,
    check_fit_is_idempotent,
    check_fit_leaves_its_input,
    check_predict_leaves_the_estimator,
    check_batches_do_not_matter,
    check_order_does_not_matter,
    check_lists_equal_arrays,
    check_sizes_may_differ,
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
