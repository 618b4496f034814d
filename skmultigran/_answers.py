"""Columns of answers, as people have them: as arrays, and which rows are known."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np


def answer_column(column: Any) -> np.ndarray:
    """Return a column of answers as an array.

    Parameters
    ----------
    column : array-like of length n
        A series, array, tensor or list; of numbers, labels or arrays.

    Returns
    -------
    ndarray of length n
        Of objects where rows are of different shapes or kinds.
    """
    if hasattr(column, "cpu"):
        column = column.cpu()
    if hasattr(column, "to_numpy"):
        values = column.to_numpy()
        if values.dtype.kind == "f" and getattr(column.dtype, "kind", "f") != "f":
            # Whole numbers or booleans of which some are missing stay what they are.
            values = column.to_numpy(dtype=object)
        return values
    if not isinstance(column, np.ndarray):
        column = list(column)
        try:
            return np.asarray(column)
        except ValueError:  # arrays of different shapes
            rows = np.empty(len(column), dtype=object)
            rows[:] = column
            return rows
    return column


def known_answers(values: np.ndarray, missing: Any) -> np.ndarray:
    """Return which rows have an answer.

    Parameters
    ----------
    values : ndarray of length n
        What `answer_column` returned.
    missing : object
        What stands for no answer besides None and NaN.

    Returns
    -------
    ndarray of bool of shape (n,)
        False where the answer is missing.
    """
    if values.dtype == object:
        return np.array([not _absent(value, missing) for value in values], dtype=bool)
    absent = np.zeros(values.shape, dtype=bool)
    if values.dtype.kind == "f":
        absent |= np.isnan(values)
    if missing is not None:
        absent |= values == missing
    return np.logical_not(absent.reshape(len(values), -1).all(axis=1))


def holds_sequences(values: np.ndarray) -> bool:
    """Tell whether rows are lists, sets or arrays, of any lengths.

    Parameters
    ----------
    values : ndarray
        A column of answers.

    Returns
    -------
    bool
        Whether a row of objects is one.
    """
    kinds = (list, tuple, set, frozenset, np.ndarray)
    rows = values.tolist() if values.dtype == object and values.ndim == 1 else []
    return any(isinstance(row, kinds) for row in rows)


def _absent(value: Any, missing: Any) -> bool:
    if np.ndim(value):
        value = np.asarray(value)
        return value.dtype.kind == "f" and bool(np.isnan(value).all())
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, float | np.floating) and np.isnan(value):
        return True
    return missing is not None and bool(value == missing)


def check_class_weight(class_weight: Any) -> None:
    """Check the weights of a dictionary.

    Parameters
    ----------
    class_weight : dict or other
        Weights of the classes; what is no dictionary is left to others.

    Raises
    ------
    ValueError
        If a weight is no finite number of zero or more.
    """
    if not isinstance(class_weight, dict):
        return
    for label, weight in class_weight.items():
        if not (isinstance(weight, Real) and 0 <= float(weight) < math.inf):
            raise ValueError(
                f"class_weight={class_weight!r} has {weight!r} for {label!r}, but "
                "weights must be finite numbers of zero or more."
            )
