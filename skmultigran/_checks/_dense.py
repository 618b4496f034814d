"""The promises of estimators whose answers lie in the image, each as a check."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmultigran._checks._promises import (
    PROMISES,
    RADIUS,
    Check,
    bound,
    discs,
    require,
    same,
)


def check_dense_estimator(estimator: Any, *, answers: str = "masks") -> None:
    """Check that an estimator of masks or boxes follows scikit-learn's conventions.

    scikit-learn's own checks pass one label or number per sample, which such estimators
    do not accept. These checks cover the same conventions.

    Parameters
    ----------
    estimator : estimator
        An instance with parameters for fast fitting. It is cloned, never fitted.
    answers : {"masks", "boxes"}, default="masks"
        Type of its predictions: integer masks, or dictionaries of boxes and labels.

    Raises
    ------
    AssertionError
        If a convention is violated; the message says which.

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
        Type of the predictions.

    Returns
    -------
    list of callable
        Each takes an estimator and raises an AssertionError if the convention named by
        its `__name__` is violated.

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
    scenes = {"masks": _masks, "boxes": _boxes}[answers]
    return [bound(check, scenes) for check in (*PROMISES, *_OF_THE_IMAGE)]


def _masks(estimator: Any) -> tuple[np.ndarray, np.ndarray]:
    images, inside, _ = discs()
    return images, inside.astype(int)


def _boxes(estimator: Any) -> tuple[np.ndarray, list[dict[str, np.ndarray]]]:
    images, _, centres = discs()
    corners = np.hstack([centres[:, ::-1] - RADIUS, centres[:, ::-1] + RADIUS + 1])
    upper = centres[:, 0] <= images.shape[1] // 3
    return images, [
        {
            "boxes": box[None].astype(float),
            "labels": np.array(["disk" if high else "disc"]),
        }
        for box, high in zip(corners, upper, strict=True)
    ]


def check_lists_equal_arrays(estimator: Any, X: Any, y: Any) -> None:
    of_array = estimator.fit(X, y).predict(X)
    of_list = estimator.fit(list(X), list(y)).predict(list(X))
    require(same(of_array, of_list), "A list of images is predicted otherwise.")


def check_sizes_may_differ(estimator: Any, X: Any, y: Any) -> None:
    estimator.fit(X, y)
    images = [X[0], X[1][:13], X[2][:, :9], np.tile(X[3], (2, 2))]
    predicted = estimator.predict(images)
    require(len(predicted) == len(images), "predict does not answer for every image.")
    require(same(predicted[:1], estimator.predict(X[:1])), "Sizes of others matter.")
    for image, answer in zip(images, predicted, strict=True):
        _check_lies_within(answer, image.shape)


def _check_lies_within(answer: Any, size: tuple[int, ...]) -> None:
    if isinstance(answer, dict):
        height, width = size
        limits = np.array([width, height, width, height])
        inside = (answer["boxes"] >= 0).all() and (answer["boxes"] <= limits).all()
        require(bool(inside), "A box lies outside of its image.")
    else:
        require(answer.shape == size, f"A mask of {answer.shape} for {size} pixels.")


_OF_THE_IMAGE = (check_lists_equal_arrays, check_sizes_may_differ)
