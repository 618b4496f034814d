"""Answers as labels and as numbers, with the rows that are known."""

from __future__ import annotations

import numpy as np

from skmultigran._answers import holds_sequences
from skmultigran.estimators._label_columns import typed_labels


def label_array(values, known):
    """Return labels as an array of their own type.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Labels.
    known : ndarray of bool of shape (n,)
        Where they are.

    Returns
    -------
    ndarray of shape (n,)
        The labels; any value where they are not known.

    Raises
    ------
    ValueError
        If there is more than one label per row, or labels cannot be sorted together.
    """
    if values.ndim != 1:
        raise ValueError(
            f"its answers have the shape {values.shape}, but a classification has one "
            "label per image. For any number of labels use the type 'multilabel'."
        )
    if values.dtype != object:
        return values
    if holds_sequences(values[known]):
        raise ValueError(
            "its answers are arrays, but a classification has one label per image. For "
            "any number of labels use the type 'multilabel'."
        )
    labels = typed_labels(values[known])
    typed = np.zeros(len(values), dtype=labels.dtype)
    typed[known] = labels
    return typed


def number_array(values, missing, known):
    """Return numbers as floats, NaN where they are not known.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, k), or of objects
        Numbers, or rows of as many numbers each.
    missing : object
        What stands for no number besides None and NaN.
    known : ndarray of bool of shape (n,)
        Which rows have any.

    Returns
    -------
    ndarray of float of shape (n,) or (n, k)
        The numbers; float32 stays what it is.

    Raises
    ------
    ValueError
        If rows are of different lengths, no numbers or infinite.
    """
    if values.dtype == object:
        values = _stacked(values, known)
    absent = (
        np.zeros(values.shape, dtype=bool) if missing is None else values == missing
    )
    floats = values.astype(values.dtype if values.dtype == np.float32 else np.float64)
    floats[absent] = np.nan
    if np.isinf(floats).any():
        raise ValueError(f"row {np.argwhere(np.isinf(floats))[0][0]} is infinite.")
    if floats.ndim > 2:
        raise ValueError(
            f"its answers have the shape {floats.shape}; they must be one number per "
            "image, or one row of numbers."
        )
    return floats


def _stacked(values, known):
    """Return rows of objects as one array; what is not known is NaN."""
    rows = [np.asarray(value, dtype=float) for value in values[known]]
    shapes = {row.shape for row in rows}
    if len(shapes) > 1:
        raise ValueError(f"its answers have different shapes: {sorted(shapes)}.")
    stacked = np.full((len(values), *shapes.pop()) if shapes else len(values), np.nan)
    if rows:
        stacked[known] = np.stack(rows)
    return stacked
