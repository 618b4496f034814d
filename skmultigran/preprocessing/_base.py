"""What all image transformers share: images in, the same work on each, images out."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral

import joblib
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_array, validate_data

from skmultigran._support import check_feature_names_in, wrap_output
from skmultigran.images import (
    ArrayImages,
    Images,
    ImageShape,
    ListedImages,
    check_rows,
    check_several,
    holds_images,
    infer_image_shape,
    open_images,
)


# Images are no table: scikit-learn's own wrapping would take them for one. Subclasses
# are configured by `set_output` as usual, and `transform` wraps rows alone.
class ImageTransformer(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Base of the transformers that make an image of each image.

    A subclass has the constructor, with `image_shape` and `n_jobs` among its
    parameters, and `_changed`, which never writes to the image that it gets. It says in
    `_output_shape` what shape flattened rows leave with.
    """

    _parameter_constraints: dict = {
        "image_shape": ["array-like", None],
        "n_jobs": [Integral, None],
    }

    def fit(self, X, y=None):
        """Check the parameters and the images; nothing is learned.

        Parameters
        ----------
        X : array-like
            Images: an array `(n, h, w)` or `(n, h, w, c)`, flattened rows
            `(n, h * w * c)`, a torch tensor, or a column (list, 1-D array, series,
            one-column data frame) of images of any sizes, as arrays, Pillow images or
            file paths. Only the headers of files are read.
        y : object, default=None
            Ignored.

        Returns
        -------
        self
            The transformer.

        Raises
        ------
        ValueError
            If a parameter or an image is invalid; the message names the row.
        """
        self._check_parameters()
        self._open(X, reset=True)
        return self

    def transform(self, X):
        """Return the transformed images.

        Parameters
        ----------
        X : array-like
            Images, as in fit, possibly of other sizes.

        Returns
        -------
        ndarray
            One array if all images have the same shape and type, else a 1-D object
            array. Grey images have no channel axis unless the input had one. Flattened
            rows give flattened rows, or a data frame with
            `set_output(transform="pandas")`.

        Raises
        ------
        ValueError
            If a parameter or an image is invalid; the message names the row.
        """
        self._check_parameters()
        images = self._open(X, reset=False)
        # Not scikit-learn's Parallel: it sets the filters of warnings in every task,
        # and threads share them.
        run = joblib.Parallel(n_jobs=self.n_jobs, prefer="threads")
        results = run(
            joblib.delayed(_changed_row)(images, row, self._changed)
            for row in range(len(images))
        )
        if self._gives_rows(images):
            rows = np.stack([result.reshape(-1) for result in results])
            return wrap_output("transform", rows, X, self)
        return stack_images(results)

    # TransformerMixin's own would wrap images as if they were a table.
    def fit_transform(self, X, y=None):
        """Check the images and return the transformed ones; see `transform`.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : object, default=None
            Ignored.

        Returns
        -------
        ndarray or data frame
            As returned by `transform`.
        """
        return self.fit(X, y).transform(X)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the output columns of flattened rows.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the input columns. None: those seen in fit, or "x0", "x1" and so
            on.

        Returns
        -------
        ndarray of str
            The same names if the number of columns is unchanged, else the name of the
            class with numbers.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If fit has not seen flattened rows.
        """
        owner = type(self).__name__
        shape = None
        if hasattr(self, "n_features_in_"):
            shape = self._output_shape(ImageShape(*self.image_shape_))
        if shape is None:
            raise NotFittedError(
                f"{owner} has names for the columns of flattened rows only. Images "
                "have no columns; fit it on rows, or do not ask."
            )
        names = check_feature_names_in(self, input_features)
        if len(names) == shape.n_features:
            return names
        numbered = [f"{owner.lower()}{k}" for k in range(shape.n_features)]
        return np.array(numbered, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # ------------------------------------------------------- for subclasses

    def _check_parameters(self) -> None:
        """Raise if a parameter is wrong; subclasses add what needs several of them."""
        self._validate_params()

    def _changed(self, image: np.ndarray) -> np.ndarray:
        """Return what becomes of one image `(h, w, c)`."""
        raise NotImplementedError

    def _output_shape(self, shape: ImageShape) -> ImageShape | None:
        """Return the shape that images of a shape get; None: that depends."""
        return shape

    def _gives_rows(self, images: Images) -> bool:
        if not isinstance(images, ArrayImages) or images.array.ndim != 2:
            return False
        return self._output_shape(images.image_shape) is not None

    # -------------------------------------------------------------- reading

    def _open(self, X, *, reset: bool) -> Images:
        """Open X; attributes are set at the end, so that bad data lose nothing."""
        owner = type(self).__name__
        check_several(X, owner)
        if not holds_images(X):
            check_rows(X, owner)
            return self._open_rows(X, reset=reset)
        shape = self.image_shape if isinstance(X, np.ndarray) else None
        images = open_images(X, owner=owner, image_shape=shape, n_jobs=self.n_jobs)
        if reset:
            for name in ("n_features_in_", "feature_names_in_", "image_shape_"):
                if hasattr(self, name):
                    delattr(self, name)
        return images

    def _open_rows(self, X, *, reset: bool) -> ArrayImages:
        rows = check_array(
            X,
            dtype="numeric",
            ensure_all_finite=False,
            estimator=self,
            input_name="X",
        )
        if not reset and hasattr(self, "n_features_in_"):
            validate_data(self, X, reset=False, skip_check_array=True)
        images = ArrayImages(rows, infer_image_shape(rows.shape, self.image_shape))
        images.check_finite(type(self).__name__)
        if reset:
            validate_data(self, X, reset=True, skip_check_array=True)
            self.image_shape_ = tuple(images.image_shape)
        return images


def _changed_row(
    images: Images, row: int, function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return what a function makes of one image, without a channel axis if it may."""
    result = function(images.read(row))
    if result.ndim == 3 and result.shape[2] == 1 and not _has_grey_axis(images, row):
        return result[:, :, 0]
    return result


def _has_grey_axis(images: Images, row: int) -> bool:
    """Tell whether an image came as `(h, w, 1)`, not as `(h, w)`, a file or colours."""
    if isinstance(images, ArrayImages):
        return images.array.ndim == 4 and images.channels == 1
    if isinstance(images, ListedImages):
        return tuple(getattr(images.entries[row], "shape", ()))[2:] == (1,)
    return False


def stack_images(images: list[np.ndarray]) -> np.ndarray:
    """Return copies of images, as one array where they have one shape and type.

    Parameters
    ----------
    images : list of ndarray
        At least one image.

    Returns
    -------
    ndarray
        `(n, ...)`, or a 1-D array of objects.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._base import stack_images
    >>> stack_images([np.zeros((4, 6)), np.ones((4, 6))]).shape
    (2, 4, 6)
    >>> stack_images([np.zeros((4, 6)), np.ones((5, 5))]).shape
    (2,)
    """
    if len({(image.shape, image.dtype) for image in images}) == 1:
        return np.stack(images)
    column = np.empty(len(images), dtype=object)
    for row, image in enumerate(images):
        # What goes out must not be a window on what came in.
        column[row] = image.copy()
    return column
