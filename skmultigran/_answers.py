"""Columns of answers, as people have them: as arrays, and which rows are known."""

from __future__ import annotations

import contextlib
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
        return np.asarray(column.cpu())
    if hasattr(column, "to_numpy"):
        values = column.to_numpy()
        if values.dtype.kind == "f" and getattr(column.dtype, "kind", "f") != "f":
            # Whole numbers or booleans of which some are missing stay what they are.
            values = column.to_numpy(dtype=object)
        return values
    return column if isinstance(column, np.ndarray) else _array_of(list(column))


def _array_of(rows: list) -> np.ndarray:
    """Return rows as an array, of objects where any other type would change them."""
    with contextlib.suppress(ValueError):  # arrays of different shapes
        values = np.asarray(rows)
        # Beside words, numbers and NaN become words; beside NaN, integers floats.
        if values.ndim > 1 or values.tolist() == rows:
            return values
    objects = np.empty(len(rows), dtype=object)
    objects[:] = rows
    return objects


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
    if values.dtype.kind != "f" and missing is None:
        return np.ones(len(values), dtype=bool)
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
    if value is None or type(value).__name__ == "NAType":
        return True
    # NaN, also that of times and of tensors, is unlike itself.
    return bool(value != value) or (missing is not None and bool(value == missing))


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
