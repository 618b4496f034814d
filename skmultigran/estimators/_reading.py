"""X, as people have it, checked against the estimator and what it was fitted on."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from skmultigran.images import (
    ImageShape,
    as_image_array,
    check_finite,
    holds_images,
    infer_image_shape,
)


def read_images(estimator, X, *, reset):
    """Return the images in `X`, checked, as an array that is not copied if possible.

    Parameters
    ----------
    estimator : estimator
        Its `image_shape` and `image_size` parameters are read; `n_features_in_`,
        `image_shape_` and, for data frames, `feature_names_in_` are set or checked.
    X : array-like
        Images, or flattened rows.
    reset : bool
        Whether to set the attributes, as in fit, or to check against them.

    Returns
    -------
    ndarray of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
        The images.

    Raises
    ------
    ValueError
        If X is empty, sparse, complex, no numbers, has NaN or infinite pixels, or does
        not fit what the estimator was fitted on.
    """
    if holds_images(X):
        images = _read_array(estimator, X)
    else:
        images = validate_data(
            estimator, X, dtype="numeric", ensure_all_finite=False, reset=reset
        )
    check_finite(images, type(estimator).__name__)
    if reset:
        shape = infer_image_shape(images.shape, estimator.image_shape)
        estimator.image_shape_ = tuple(shape)
        estimator.n_features_in_ = shape.n_features
        if images.ndim > 2:
            vars(estimator).pop("feature_names_in_", None)
    elif images.ndim > 2:
        _check_shape(estimator, images)
    return images


def _read_array(estimator, X) -> np.ndarray:
    return check_array(
        as_image_array(X),
        dtype="numeric",
        ensure_2d=False,
        allow_nd=True,
        ensure_all_finite=False,
        ensure_min_features=0,
        estimator=estimator,
        input_name="X",
    )


def _check_shape(estimator, images: np.ndarray) -> None:
    """Check images with axes of their own against those seen in fit."""
    found = ImageShape(*(*images.shape[1:], 1)[:3])
    fitted = ImageShape(*estimator.image_shape_)
    owner = type(estimator).__name__
    if found.channels != fitted.channels:
        raise ValueError(
            f"X has images with {found.channels} channels, but {owner} was fitted on "
            f"images with {fitted.channels}. Convert the images to {fitted.channels} "
            "channels, or fit anew."
        )
    if found.size != fitted.size and estimator.image_size is None:
        raise ValueError(
            f"X has images of {found.height} x {found.width} pixels, but {owner} was "
            f"fitted on images of {fitted.height} x {fitted.width}. Resize them, or "
            "fit with image_size=, which makes every size welcome."
        )


def shape_of(estimator, images: np.ndarray) -> ImageShape:
    """Return the shape of one of the images that `read_images` returned.

    Parameters
    ----------
    estimator : estimator
        The estimator that read them.
    images : ndarray
        The images.

    Returns
    -------
    ImageShape
        Their shape: of flattened rows, the one seen in fit.
    """
    if images.ndim == 2:
        return ImageShape(*estimator.image_shape_)
    return ImageShape(*(*images.shape[1:], 1)[:3])
