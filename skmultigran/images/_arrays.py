"""From the forms that images come in to one array, without a copy where possible."""

from __future__ import annotations

import numpy as np
import torch


def holds_images(X) -> bool:
    """Tell whether `X` holds images with axes of their own, not flattened rows.

    Parameters
    ----------
    X : object
        What a user passed as images.

    Returns
    -------
    bool
        True for arrays and tensors of three or more axes, and for lists, tuples and
        1-D object arrays whose first element has two or more axes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import holds_images
    >>> holds_images(np.zeros((5, 8, 8))), holds_images(np.zeros((5, 64)))
    (True, False)
    """
    if isinstance(X, (list, tuple)) or (_ndim(X) == 1 and X.dtype == object):
        return len(X) > 0 and _ndim(X[0]) >= 2
    return _ndim(X) >= 3


def _ndim(value) -> int:
    """Return the number of axes; 0 for what has none, such as frames and lists."""
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return value.ndim
    if isinstance(value, list):
        return np.ndim(value) if value and isinstance(value[0], list) else 1
    return 0


def as_image_array(X):
    """Return images with axes of their own as one array.

    Parameters
    ----------
    X : array, torch tensor, or list of images
        `(n, h, w)` or `(n, h, w, c)`, or `n` images of one size. Arrays and memory maps
        are returned as views.

    Returns
    -------
    ndarray of shape (n, h, w) or (n, h, w, c)
        The images.

    Raises
    ------
    ValueError
        If the images have different shapes, or if the array has five or more axes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import as_image_array
    >>> as_image_array([np.zeros((4, 6)), np.ones((4, 6))]).shape
    (2, 4, 6)
    """
    if isinstance(X, torch.Tensor):
        array = _as_numpy(X)
    elif isinstance(X, np.ndarray) and X.dtype != object:
        array = X
    else:
        array = _stack(X)
    if array.ndim not in (3, 4):
        raise ValueError(
            f"Got images as an array of shape {array.shape}. It must be (n, h, w) or "
            "(n, h, w, c), with the channels last; flattened images are (n, h * w * c)."
        )
    return array


def _as_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor as an array: a view, but for bfloat16, which numpy lacks."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _stack(images) -> np.ndarray:
    arrays = [
        _as_numpy(image) if isinstance(image, torch.Tensor) else np.asarray(image)
        for image in images
    ]
    for row, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            raise ValueError(
                f"The image in row {row} has shape {array.shape}, the one in row 0 has "
                f"{arrays[0].shape}. All images must have one shape; resize them first."
            )
    return np.stack(arrays)
