"""Training on y: what the estimators that learn from targets share."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length

from skmultigran._support import StrOptions, fit_context
from skmultigran.estimators._base import BaseMultiGranularity, Samples
from skmultigran.estimators._closed_form import auto_head
from skmultigran.estimators._reading import read_images
from skmultigran.estimators._restoring import forget_fit, restored_on_failure
from skmultigran.training import (
    positive_rows,
    resolve_device,
    scaled_to_mean_one,
)

_PROBLEMS_SHOWN = 5


class SupervisedMultiGranularity(BaseMultiGranularity):
    """Base of the estimators that train on y.

    A subclass says how y is read, as `_targets`. The task that is learned from y is
    kept as `_task_`.
    """

    @property
    def _task(self):
        return self._task_

    def _keep_task(self, task):
        self._task_ = task

    def _augment(self):
        """Return `augment`; "auto" is nothing where it could make the answer wrong."""
        augment = super()._augment()
        automatic = isinstance(augment, str) and augment == "auto"
        return None if automatic and not self._targets.stay_when_moved else augment

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train the network.

        Parameters
        ----------
        X : array-like
            Images: an array `(n, h, w)` or `(n, h, w, c)` of any real dtype, a memory
            map, a torch tensor, flattened rows `(n, h * w * c)`, or a column of images
            of any sizes: a list, series, object array or one-column data frame of
            arrays, Pillow images or file paths.
        y : array-like
            Targets, as described in the class.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images; images with zero weight are left out, but must have a
            target in y.
        X_val, y_val : array-like, default=None
            Validation data. Training stops when the loss on them no longer decreases,
            and the best weights are restored.
        sample_weight_val : array-like, default=None
            Weights of the validation images.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data are invalid; the estimator then keeps its previous state.
        """
        with restored_on_failure(self):
            reuse = self.warm_start and self.__sklearn_is_fitted__()
            if not reuse:
                forget_fit(self)
            self._check_head()
            self._fit_on_targets(
                X,
                y,
                reuse=reuse,
                sample_weight=sample_weight,
                X_val=X_val,
                y_val=y_val,
                sample_weight_val=sample_weight_val,
            )
        return self

    def _fit_on_targets(self, X, y, *, reuse, **metadata):
        """Read everything, then train a fresh network or a copy of that there is."""
        if reuse:
            self._check_same_network("warm_start=True")
            self.device_ = resolve_device(self.device)
        samples = self._samples(
            X, y, metadata["sample_weight"], reset=not reuse, learn=not reuse
        )
        samples, validation = self._split(
            samples,
            metadata["X_val"],
            metadata["y_val"],
            metadata["sample_weight_val"],
        )
        if reuse:
            source = self._source(samples.images, samples.rows).keep()
        else:
            source = self._start(samples, self._task.n_outputs)
        self._train(
            X,
            y,
            source,
            samples,
            validation,
            reuse=reuse,
            sample_weight=metadata["sample_weight"],
        )

    def _samples(self, X, y, sample_weight, *, reset, learn, **known):
        """Read training data; with `learn` the task is learned from y and `known`."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        skip = getattr(self, "on_error", "raise") == "skip"
        images = read_images(
            self, X, reset=reset, collect_problems=skip, sample_weight=sample_weight
        )
        y = self._targets.checked(y)
        check_consistent_length(images, y)
        rows, weights = positive_rows(sample_weight, images, type(self).__name__)
        rows, weights = _readable(images, rows, weights, type(self).__name__)
        y = y[rows]
        self._check_answers(images, rows, y)
        if learn:
            self._keep_task(self._targets.learn_task(y, weights, **known))
        else:
            self._keep_task(self._targets.continued(self._task))
        targets = self._task.encode(y)
        weights = self._targets.balanced(weights, y, self._task)
        return _positive(Samples(images, rows, targets, weights), type(self).__name__)

    def _check_answers(self, images, rows, y):
        """Check y against rows of images; a subclass may have something to check."""

    def _split(self, samples, X_val, y_val, sample_weight_val):
        """Return training and validation samples; the latter may be None."""
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together, or neither.")
        if X_val is None and sample_weight_val is not None:
            raise ValueError("sample_weight_val needs X_val and y_val.")
        if X_val is not None:
            if not self.early_stopping:
                raise ValueError(
                    "early_stopping=False, but X_val was given, which is used for "
                    "early stopping only. Set early_stopping='auto' or True."
                )
            return samples, self._validation_samples(X_val, y_val, sample_weight_val)
        if self._holds_out():
            return self._hold_out(samples)
        return samples, None

    def _validation_samples(self, X, y, sample_weight):
        with _told_of("X_val and y_val"):
            images = read_images(self, X, reset=False, sample_weight=sample_weight)
            y = self._targets.checked(y)
            check_consistent_length(images, y)
            rows, weights = positive_rows(sample_weight, images, "X_val")
            y = y[rows]
            self._check_answers(images, rows, y)
            targets = self._task.encode(y)
            weights = self._targets.balanced(weights, y, self._task)
        return Samples(images, rows, targets, scaled_to_mean_one(weights))

    def _holds_out(self):
        return not isinstance(self.early_stopping, str) and self.early_stopping

    def _hold_out(self, samples):
        try:
            kept, held = train_test_split(
                np.arange(len(samples.rows)),
                test_size=self.validation_fraction,
                stratify=self._targets.strata(samples.targets),
                random_state=self.random_state,
            )
        except ValueError as error:
            raise ValueError(
                f"{type(self).__name__} cannot hold out "
                f"validation_fraction={self.validation_fraction} of "
                f"{len(samples.rows)} images for early_stopping=True: "
                f"{str(error).rstrip('.')}. Change validation_fraction, pass X_val and "
                "y_val, or set early_stopping=False."
            ) from error
        return tuple(_part(samples, np.sort(part)) for part in (kept, held))


class MultiGranularityPredictor(SupervisedMultiGranularity):
    """Base of the estimators that predict labels and numbers: heads and partial_fit."""

    _parameter_constraints = {
        **SupervisedMultiGranularity._parameter_constraints,
        "on_error": [StrOptions({"raise", "skip"})],
    }

    def _resolved(self, name):
        value = super()._resolved(name)
        if name == "head" and isinstance(value, str) and value == "auto":
            return self._auto_head()
        return value

    def _auto_head(self):
        return auto_head(self)

    def _partial_fit(self, X, y, sample_weight, **known):
        """Train for one more epoch; the first time the task is learned from this y."""
        first = not self.__sklearn_is_fitted__()
        if self._holds_out():
            raise ValueError(
                "early_stopping=True, but partial_fit takes a single pass over the "
                "images, so there is nothing to stop. Set early_stopping='auto' or "
                "False, or call fit."
            )
        if not first:
            self._check_same_network("partial_fit")
        samples = self._samples(X, y, sample_weight, reset=first, learn=first, **known)
        source = (
            self._start(samples, self._task.n_outputs)
            if first
            else self._source(samples.images, samples.rows)
        )
        self._continue(source, samples)
        return self


@contextlib.contextmanager
def _told_of(names):
    """Let errors about data begin with the names that the data has."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{names}: {error}") from error


def _readable(images, rows, weights, owner):
    """Leave out rows that cannot be read, and say so."""
    problems = images.problems
    if not problems:
        return rows, weights
    warnings.warn(
        f"{owner} leaves out {len(problems)} of {len(images)} images, with their "
        "answers and weights, as on_error='skip' asks. "
        + " ".join(list(problems.values())[:_PROBLEMS_SHOWN])
        + (" ..." if len(problems) > _PROBLEMS_SHOWN else ""),
        UserWarning,
        stacklevel=2,
    )
    good = ~np.isin(rows, list(problems))
    return rows[good], weights[good]


def _part(samples, positions):
    return Samples(
        samples.images,
        samples.rows[positions],
        samples.targets[positions],
        scaled_to_mean_one(samples.weights[positions]),
    )


def _positive(samples, owner):
    """Drop what class weights made zero, and scale the weights."""
    kept = np.flatnonzero(samples.weights)
    if not len(kept):
        raise ValueError(
            f"{owner}: class_weight makes the weights of all images zero, so there is "
            "nothing to learn from. Give a class that y has a positive weight."
        )
    # Masks are large: nothing is copied where all are kept.
    return _part(samples, kept if len(kept) < len(samples.rows) else slice(None))
