"""Arrays and tensors of images, without a copy where possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


def is_image_array(X: Any) -> bool:
    """Tell whether `X` is an array or tensor with three or more axes.

    Parameters
    ----------
    X : object
        What a user passed as images.

    Returns
    -------
    bool
        Whether it is.
    """
    # Arrays of other libraries tell that they can become one of numpy.
    known = isinstance(X, torch.Tensor) or hasattr(X, "__array__")
    return known and getattr(X, "ndim", 0) >= 3


def as_image_array(X: Any) -> np.ndarray:
    """Return an array or tensor of images as an array.

    Parameters
    ----------
    X : ndarray, torch tensor or array of another library
        `(n, h, w)` or `(n, h, w, c)`. Arrays and memory maps are returned as they are.

    Returns
    -------
    ndarray of shape (n, h, w) or (n, h, w, c)
        The images.

    Raises
    ------
    ValueError
        If the array has five or more axes.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.images import as_image_array
    >>> as_image_array(torch.zeros(2, 4, 6)).shape
    (2, 4, 6)
    """
    array = as_numpy(X) if isinstance(X, torch.Tensor) else np.asarray(X)
    if array.ndim not in (3, 4):
        raise ValueError(
            f"Got images as an array of shape {array.shape}. It must be (n, h, w) or "
            "(n, h, w, c), with the channels last; flattened images are (n, h * w * c)."
        )
    return array


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor as an array: a view, but for bfloat16, which numpy lacks.

    Parameters
    ----------
    tensor : Tensor
        The tensor.

    Returns
    -------
    ndarray
        Its values.
    """
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def one_array(entries: Sequence[Any]) -> np.ndarray | None:
    """Return arrays of one shape and type stacked, or None if they are not that.

    Parameters
    ----------
    entries : sequence
        Images one by one.

    Returns
    -------
    ndarray of shape (n, h, w) or (n, h, w, c), or None
        The stack.
    """
    if not all(
        isinstance(entry, (np.ndarray, torch.Tensor, list)) for entry in entries
    ):
        return None
    try:
        arrays = [
            as_numpy(entry) if isinstance(entry, torch.Tensor) else np.asarray(entry)
            for entry in entries
        ]
    except ValueError:
        # Lists with lines of different lengths; who reads them one by one says which.
        return None
    kinds = {(array.shape, array.dtype.newbyteorder("=")) for array in arrays}
    return np.stack(arrays) if len(kinds) == 1 else None
