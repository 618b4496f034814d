"""The promises of estimators of several tasks, each as a check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone

from skmultigran._checks._promises import (
    PROMISES,
    Check,
    bound,
    discs,
    raises,
    require,
    same,
)
from skmultigran._support import import_optional


def check_multi_task_estimator(estimator: Any) -> None:
    """Check that a multi-task estimator follows scikit-learn's conventions.

    scikit-learn's own checks pass one label or number per sample, which such estimators
    do not accept. These checks cover the same conventions, and those specific to
    several tasks: any form of y, missing targets, messages with the name of the task.

    Parameters
    ----------
    estimator : estimator
        An instance with parameters for fast fitting. It is cloned, never fitted.
        Targets are generated for the types in its parameter `tasks`.

    Raises
    ------
    AssertionError
        If a convention is violated; the message says which.

    See Also
    --------
    multi_task_estimator_checks : The same checks one by one, for
        `pytest.mark.parametrize`.

    Examples
    --------
    >>> from skmultigran import ConvNetBackbone, MultiGranularityMultiTask
    >>> from skmultigran.estimator_checks import check_multi_task_estimator
    >>> check_multi_task_estimator(
    ...     MultiGranularityMultiTask(
    ...         tasks={"kind": "classification", "place": "regression"},
    ...         backbone=ConvNetBackbone(widths=(4, 6)),
    ...         max_epochs=1,
    ...     )
    ... )
    """
    for check in multi_task_estimator_checks():
        check(estimator)


def multi_task_estimator_checks() -> list[Check]:
    """Return the checks of `check_multi_task_estimator`, one by one.

    Returns
    -------
    list of callable
        Each takes an estimator and raises an AssertionError if the convention named by
        its `__name__` is violated.

    Examples
    --------
    >>> from skmultigran.estimator_checks import multi_task_estimator_checks
    >>> checks = multi_task_estimator_checks()
    >>> len(checks), checks[0].__name__
    (26, 'check_parameters_are_kept')
    """
    return [bound(check, _scenes) for check in (*PROMISES, *_OF_TASKS)]


def _scenes(estimator: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return images with one bright disc each, and a structured array of answers."""
    images, inside, centres = discs()
    upper = centres[:, 0] <= images.shape[1] // 3
    columns = {
        "classification": np.where(upper, "disk", "disc"),
        "multilabel": np.column_stack([upper, centres[:, 1] > 8]).astype(int),
        "regression": centres[:, 1].astype(float),
        "segmentation": inside.astype(int),
    }
    answers = {name: columns[_type(task)] for name, task in estimator.tasks.items()}
    kinds = [(name, a.dtype, a.shape[1:]) for name, a in answers.items()]
    y = np.empty(len(images), dtype=kinds)
    for name, answer in answers.items():
        y[name] = answer
    return images, y


def _type(task: Any) -> str:
    return task["type"] if isinstance(task, Mapping) else task


def _columns(y: np.ndarray) -> dict[str, np.ndarray]:
    return {name: y[name] for name in y.dtype.names or ()}


def _require_same(one: Any, other: Any, tasks: Any, difference: str) -> None:
    """Require that predictions, perhaps of different forms, have the same columns."""
    for name in tasks:
        require(
            same(list(one[name]), list(other[name]), rounding=True),
            f"Task {name!r} is answered otherwise {difference}.",
        )


def check_a_dict_equals_records(estimator: Any, X: Any, y: Any) -> None:
    of_records = estimator.fit(X, y).predict(X)
    of_dict = estimator.fit(list(X), _columns(y)).predict(list(X))
    require(isinstance(of_dict, dict), "Where y is a dict predict gives none.")
    _require_same(of_records, of_dict, y.dtype.names, "where y is a dict")


def check_a_frame_equals_records(estimator: Any, X: Any, y: Any) -> None:
    pandas = import_optional("pandas", caller="this check", extra="images")
    of_records = estimator.fit(X, y).predict(X)
    cells = {n: c if c.ndim == 1 else list(c) for n, c in _columns(y).items()}
    of_frame = estimator.fit(X, pandas.DataFrame(cells)).predict(X)
    frame = isinstance(of_frame, pandas.DataFrame)
    require(frame, "Where y is a data frame predict gives none.")
    _require_same(of_records, of_frame, y.dtype.names, "where y is a data frame")


def check_other_columns_do_not_matter(estimator: Any, X: Any, y: Any) -> None:
    alone = estimator.fit(X, _columns(y)).predict(X)
    others = {"no task": np.full(len(X), np.nan), **_columns(y)}
    _require_same(
        alone, estimator.fit(X, others).predict(X), alone, "beside a column of no task"
    )


def _without(y: np.ndarray, rows: Mapping[str, slice]) -> dict[str, list]:
    """Return the columns of y, None in some rows of some of them."""
    columns = {name: list(column) for name, column in _columns(y).items()}
    for name, missing in rows.items():
        columns[name][missing] = [None] * len(columns[name][missing])
    return columns


def check_partly_answered_images_train(estimator: Any, X: Any, y: Any) -> None:
    tasks = y.dtype.names
    missing = {name: slice(i % 3, None, 3) for i, name in enumerate(tasks)}
    estimator.fit(X, _without(y, missing))
    predicted = estimator.predict(X)
    for name in tasks:
        whole = len(predicted[name]) == len(X)
        require(whole, f"Task {name!r} is not answered where its answer was missing.")


def check_missing_answers_are_not_scored(estimator: Any, X: Any, y: Any) -> None:
    estimator.fit(X, y)
    some = _without(y, dict.fromkeys(y.dtype.names, slice(4)))
    close = np.isclose(estimator.score(X, some), estimator.score(X[4:], y[4:]))
    require(bool(close), "Images without an answer change the score.")


def check_a_missing_task_is_named(estimator: Any, X: Any, y: Any) -> None:
    for name in y.dtype.names:
        columns = {n: c for n, c in _columns(y).items() if n != name}
        with raises(ValueError, name, f"y without the task {name!r}"):
            estimator.fit(X, columns)


def check_a_task_without_answers_is_named(estimator: Any, X: Any, y: Any) -> None:
    for name in y.dtype.names:
        with raises(ValueError, name, f"all answers of {name!r} missing"):
            estimator.fit(X, _without(y, {name: slice(None)}))


def check_an_unknown_type_is_named(estimator: Any, X: Any, y: Any) -> None:
    name = y.dtype.names[0]
    estimator = clone(estimator).set_params(tasks={name: "no type of task"})
    with raises(ValueError, name, f"an unknown type of the task {name!r}"):
        estimator.fit(X, y)


_OF_TASKS = (
    check_a_dict_equals_records,
    check_a_frame_equals_records,
    check_other_columns_do_not_matter,
    check_partly_answered_images_train,
    check_missing_answers_are_not_scored,
    check_a_missing_task_is_named,
    check_a_task_without_answers_is_named,
    check_an_unknown_type_is_named,
)
