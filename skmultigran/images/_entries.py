"""Columns of images: lists, series, frames and object arrays, entry by entry."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Set
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

# Rows of a data frame that are looked at for the column that has the images.
_ROWS_LOOKED_AT = 100


def image_entries(X) -> list[Any] | None:
    """Return the images of a column one by one, or None if X is no such column.

    Parameters
    ----------
    X : object
        What a user passed as images.

    Returns
    -------
    list or None
        Paths, pictures of Pillow, arrays and tensors, for: a list or tuple of them, a
        1-D array of objects or strings, a series, and a data frame or array with one
        column. None for arrays of numbers, rows and everything else.

    Raises
    ------
    ValueError
        If a data frame has a column of images or paths beside other columns.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images._entries import image_entries
    >>> image_entries(np.array([["a.png"], ["b.png"]]))
    ['a.png', 'b.png']
    >>> image_entries(np.zeros((5, 64))) is None
    True
    """
    if hasattr(X, "to_numpy"):
        return _of_frame(X)
    if isinstance(X, (list, tuple)):
        return list(X) if _is_column(X) else None
    if isinstance(X, np.ndarray) and X.dtype.kind in "OUT":
        if X.ndim == 1 or (X.ndim == 2 and X.shape[1] == 1):
            return image_entries(X.reshape(-1).tolist())
    return None


def _is_column(values) -> bool:
    """Tell whether the first value that is not missing is an image or a path."""
    return _is_entry(_first_present(values))


def _first_present(values):
    """Return the first value that is not missing, or None."""
    return next((value for value in values if not _is_missing(value)), None)


def _is_missing(value) -> bool:
    # Those of pandas, which need not be installed, are known by their names.
    not_a_number = isinstance(value, float) and value != value
    return (
        value is None or not_a_number or type(value).__name__ in ("NAType", "NaTType")
    )


def _of_frame(X) -> list[Any] | None:
    columns = getattr(X, "columns", None)
    if columns is None or len(columns) == 1:
        return image_entries(np.asarray(X.to_numpy()).reshape(-1))
    head = np.asarray(X[:_ROWS_LOOKED_AT].to_numpy())
    if head.dtype.kind not in "OUT" or not len(head):
        return None
    firsts = (_first_present(column) for column in head.T)
    found = {
        name: value
        for name, value in zip(columns, firsts, strict=True)
        if _is_entry(value)
    }
    if found:
        # Other columns may be text, which could be paths too: those with a suffix go
        # before those without.
        name = max(found, key=lambda name: _is_likely(found[name]))
        raise ValueError(
            f"X is a data frame of {len(columns)} columns, of which {name!r} holds "
            f"images or paths. Pass that column alone: X[[{name!r}]]. To use the other "
            "columns too, give it to a MultiGranularityTransformer in a "
            "ColumnTransformer."
        )
    return None


def _is_likely(entry) -> bool:
    return not isinstance(entry, str) or bool(Path(entry).suffix)


def is_path(value) -> bool:
    """Tell whether a value is a path.

    Parameters
    ----------
    value : object
        One entry of a column.

    Returns
    -------
    bool
        True for strings and path objects.
    """
    return isinstance(value, (str, os.PathLike))


def is_picture(value) -> bool:
    """Tell whether a value is a picture of Pillow, without importing Pillow.

    Parameters
    ----------
    value : object
        One entry of a column.

    Returns
    -------
    bool
        True for `PIL.Image.Image`.
    """
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def _is_entry(value) -> bool:
    if is_path(value) or is_picture(value):
        return True
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return value.ndim >= 2
    return isinstance(value, list) and any(
        isinstance(line, (list, tuple, np.ndarray)) for line in value[:1]
    )


def check_several(X: Any, owner: str, shape: tuple[int, ...] | None = None) -> None:
    """Check that X is no single image, of which scikit-learn would say other things.

    Parameters
    ----------
    X : object
        What a user passed as images.
    owner : str
        Name of the estimator, for the message.
    shape : tuple of int or None, default=None
        Height, width and channels that a model was fitted on. None: not known.

    Raises
    ------
    ValueError
        If X is a path, a picture of Pillow, or an array of the shape of one image.

    Examples
    --------
    >>> from skmultigran.images import check_several
    >>> check_several(["cat.png"], "the example")
    """
    if is_path(X) or is_picture(X):
        what, instead = repr(X), "[X]"
    elif shape is not None and _is_one_array(X, shape):
        what, instead = f"an array of shape {tuple(X.shape)}", "X[None]"
    else:
        return
    raise ValueError(
        f"{owner} takes several images, but X is {what}, a single one. Pass {instead}."
    )


def check_rows(X: Any, owner: str) -> None:
    """Check that X, which holds no images, may be rows of numbers.

    What scikit-learn says of other things speaks of axes, not of images.

    Parameters
    ----------
    X : object
        What a user passed as images, of which `image_entries` says that it is none.
    owner : str
        Name of the estimator, for the message.

    Raises
    ------
    ValueError
        If X is a generator, a dictionary, a set, pairs of images and answers, or a
        column without images.

    Examples
    --------
    >>> from skmultigran.images import check_rows
    >>> check_rows([[0.0, 0.5], [1.0, 0.0]], "the example")
    """
    # Some sparse matrices are mappings too.
    streams = isinstance(X, (Iterator, Mapping, Set)) and not hasattr(X, "shape")
    pairs = _has_pairs(X)
    if streams or (isinstance(X, Dataset) and not pairs):
        raise ValueError(
            f"{owner} takes an array or a column of images, but X is a "
            f"{type(X).__name__}. Pass a list of the images."
        )
    if pairs:
        raise ValueError(
            f"{owner} takes images and answers apart, but X has pairs of both. Pass "
            "X = [image for image, _ in pairs] and y = [answer for _, answer in pairs]."
        )
    values = _column_values(X)
    if values is None:
        return
    first = _first_present(values)
    if first is None:
        what = f"{len(values)} rows, all of them missing" if len(values) else "no rows"
        raise ValueError(
            f"{owner} needs at least one image, but X has {what}. Pass images or paths."
        )
    if not isinstance(first, Number):
        raise ValueError(
            f"{owner} got X with entries of type {type(first).__name__}, such as "
            f"{repr(first)[:60]}, which are no images. {_way_to_images(first)}"
        )


def _has_pairs(X) -> bool:
    if isinstance(X, DataLoader):
        return True
    if isinstance(X, Dataset):
        return isinstance(next(iter(X), None), (tuple, list, Mapping))
    first = X[0] if isinstance(X, (list, tuple)) and len(X) else None
    return isinstance(first, tuple) and len(first) == 2 and _is_entry(first[0])


def _column_values(X):
    """Return the values of a column, or None where X is rows."""
    if hasattr(X, "to_numpy"):
        if len(getattr(X, "columns", [0])) != 1:
            return None
        X = np.asarray(X.to_numpy())
        if X.ndim == 1 and X.dtype.kind == "f":
            X = X.astype(object)  # Missing paths may come as NaN.
    if isinstance(X, np.ndarray):
        column = X.dtype.kind in "OUST" and X.size == len(X)
        return X.reshape(-1).tolist() if column else None
    rows = (list, tuple, np.ndarray, torch.Tensor)
    # A list of rows is as good as an array.
    if isinstance(X, (list, tuple)) and not any(isinstance(row, rows) for row in X[:1]):
        return X
    return None


def _way_to_images(entry) -> str:
    if isinstance(entry, (list, tuple, np.ndarray, torch.Tensor)):
        return "Make one array of flattened rows: np.stack(list(X))."
    if isinstance(entry, bytes) or hasattr(entry, "read"):
        return "Pass paths as str or Path, or pictures: PIL.Image.open decodes files."
    return "An image is a path, a picture of Pillow, or an array of 2 or 3 axes."


def _is_one_array(X: Any, shape: tuple[int, ...]) -> bool:
    if not isinstance(X, (np.ndarray, torch.Tensor)):
        return False
    height, width, channels = shape
    if X.ndim == 2:
        # Unless a row of it is an image.
        return tuple(X.shape) == (height, width) and (height, channels) != (1, 1)
    # Of several grey images otherwise, which a model of colours refuses.
    return X.ndim == 3 and channels > 1 and X.shape[2] == channels
