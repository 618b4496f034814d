"""X, as people have it, checked against the estimator and what it was fitted on."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import validate_data

from skmultigran._support import check_feature_names
from skmultigran.images import (
    ArrayImages,
    Images,
    ImageShape,
    check_rows,
    check_several,
    chosen_image_size,
    holds_images,
    infer_image_shape,
    open_images,
)
from skmultigran.training import positive_rows


def read_images(
    estimator, X, *, reset, collect_problems=False, sample_weight=None
) -> Images:
    """Return the images in `X`, checked; nothing is copied or decoded if possible.

    Parameters
    ----------
    estimator : estimator
        Its `image_shape`, `image_size` and `n_jobs` parameters are read;
        `n_features_in_`, `image_shape_` and, for data frames, `feature_names_in_` are
        set or checked.
    X : array-like
        Images, as `open_images` takes them, or flattened rows.
    reset : bool
        Whether to set the attributes, as in fit, or to check against them.
    collect_problems : bool, default=False
        Whether rows that cannot be read are kept as the images' `problems` instead of
        raising.
    sample_weight : array-like of shape (n,) or None, default=None
        Weights of the images. Those of weight zero are not looked at; in a column
        shape, channels and types are those of the others.

    Returns
    -------
    Images
        The images.

    Raises
    ------
    ValueError
        If X is empty, sparse, complex, no numbers, has NaN or infinite pixels or files
        that cannot be read, or does not fit what the estimator was fitted on.
    """
    owner = type(estimator).__name__
    if reset:
        estimator._resizes_ = estimator.image_size is not None
    check_several(X, owner, None if reset else estimator.image_shape_)
    if not holds_images(X):
        return _read_rows(estimator, X, reset, sample_weight)
    images = open_images(
        X,
        owner=owner,
        image_shape=estimator.image_shape if reset else None,
        n_jobs=estimator.n_jobs,
        collect_problems=collect_problems,
        rows=_weighted(sample_weight, X, owner),
    )
    if reset:
        _set_shape(estimator, X, images)
        return images
    if hasattr(X, "columns") and not images.same_shape:
        check_feature_names(estimator, X, reset=False)
    images = images.with_channels(estimator.image_shape_[2], owner)
    _check_size(estimator, images)
    return images


def _weighted(sample_weight, X, owner):
    """Return the rows of positive weight, or None: all."""
    return None if sample_weight is None else positive_rows(sample_weight, X, owner)[0]


def _read_rows(estimator, X, reset, sample_weight) -> ArrayImages:
    """Read flattened rows."""
    check_rows(X, type(estimator).__name__)
    if not reset and estimator._any_size_ and np.ndim(X) == 2:
        raise ValueError(
            f"X has flattened rows, but {type(estimator).__name__} was fitted on "
            "images of any size, and rows do not tell theirs. Pass an array (n, h, w) "
            "or (n, h, w, c), or a list of images."
        )
    rows = validate_data(
        estimator, X, dtype="numeric", ensure_all_finite=False, reset=reset
    )
    if reset:
        shape = infer_image_shape(rows.shape, estimator.image_shape)
        estimator.image_shape_ = tuple(shape)
        estimator._any_size_ = False
    images = ArrayImages(rows, ImageShape(*estimator.image_shape_))
    owner = type(estimator).__name__
    images.check_finite(owner, _weighted(sample_weight, rows, owner))
    return images


def _set_shape(estimator, X, images: Images) -> None:
    size = images.size or chosen_image_size(images.readable_sizes)
    estimator.image_shape_ = (*size, images.channels)
    estimator._any_size_ = not images.same_shape
    vars(estimator).pop("feature_names_in_", None)
    if images.same_shape:
        estimator.n_features_in_ = ImageShape(*estimator.image_shape_).n_features
    else:
        estimator.n_features_in_ = 1
        check_feature_names(estimator, X, reset=True)


def _check_size(estimator, images: Images) -> None:
    """Check sizes against that seen in fit, if nothing made them one there."""
    fitted = estimator.image_shape_[:2]
    if estimator._any_size_ or estimator._resizes_:
        return
    if images.size != fitted:
        sizes = images.readable_sizes
        found = images.size or sizes[(sizes != fitted).any(axis=1)][0]
        owner = type(estimator).__name__
        raise ValueError(
            f"X has images of {found[0]} x {found[1]} pixels, but {owner} was "
            f"fitted on images of {fitted[0]} x {fitted[1]}. Resize them, or "
            "fit with image_size=, which makes every size welcome."
        )
