"""From the forms that people have images in to `Images`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array

from skmultigran.images._arrays import as_image_array, is_image_array, one_array
from skmultigran.images._collection import ArrayImages, Images
from skmultigran.images._entries import image_entries
from skmultigran.images._listed import ListedImages
from skmultigran.images._shape import infer_image_shape


def holds_images(X: Any) -> bool:
    """Tell whether `X` holds images by themselves, not flattened rows of numbers.

    Parameters
    ----------
    X : object
        What a user passed as images.

    Returns
    -------
    bool
        True for arrays and tensors of three or more axes, and for columns of images or
        paths: lists, series, 1-D arrays, data frames of one column.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import holds_images
    >>> holds_images(np.zeros((5, 8, 8))), holds_images(np.zeros((5, 64)))
    (True, False)
    >>> holds_images(["a.png", "b.png"])
    True
    """
    return is_image_array(X) or image_entries(X) is not None


def open_images(
    X: Any,
    *,
    owner: str,
    image_shape: tuple[int, ...] | None = None,
    n_jobs: int | None = None,
    collect_problems: bool = False,
    rows: np.ndarray | None = None,
) -> Images:
    """Return the images in `X`, to be read by row number.

    Arrays, and lists of arrays of one shape and type, are one array and are not copied
    where that can be avoided. Files are looked at, but decoded only when they are read.

    Parameters
    ----------
    X : array-like
        An array `(n, h, w)` or `(n, h, w, c)`, flattened rows `(n, h * w * c)`, a torch
        tensor, or a column of images: a list, series, 1-D object array or data frame
        with one column of arrays, tensors, pictures of Pillow or paths.
    owner : str
        Name of the estimator, for messages.
    image_shape : tuple of int or None, default=None
        Shape of flattened rows, as `infer_image_shape` takes it.
    n_jobs : int or None, default=None
        Threads that read files. None: one; -1: all processors.
    collect_problems : bool, default=False
        Whether rows that cannot be read are kept as `problems` instead of raising.
    rows : ndarray of int or None, default=None
        Rows that will be read; the others are not looked at. None: all.

    Returns
    -------
    Images
        The images.

    Raises
    ------
    ValueError
        If a row is no image, or a file is missing, empty, cut off, no image or so large
        that Pillow takes it for an attack; the message names row and path.

    Notes
    -----
    Channels: pictures and files of one value per pixel have one, all others become RGB;
    what is transparent lies on white. Arrays keep the channels they have. In a column
    that mixes grey, RGB and RGBA all become RGB. Other mixtures are refused. A model
    that was fitted on one or three channels gets its number from any of the three, of
    arrays as of columns.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import open_images
    >>> images = open_images([np.zeros((4, 6)), np.zeros((5, 5, 3))], owner="me")
    >>> images.channels, images.read(0).shape
    (3, (4, 6, 3))
    """
    entries = None if is_image_array(X) else image_entries(X)
    if entries is not None:
        X = one_array(entries)
        if X is None:
            return ListedImages(
                entries,
                owner,
                n_jobs=n_jobs,
                collect_problems=collect_problems,
                rows=rows,
            )
    array = X if isinstance(X, np.ndarray) and X.ndim == 2 else _checked(X, owner)
    images = ArrayImages(array, infer_image_shape(array.shape, image_shape))
    images.check_finite(owner, rows)
    return images


def _checked(X: Any, owner: str) -> np.ndarray:
    return check_array(
        as_image_array(X),
        dtype="numeric",
        ensure_2d=False,
        allow_nd=True,
        ensure_all_finite=False,
        ensure_min_features=0,
        estimator=owner,
        input_name="X",
    )
