"""Answers after each granularity, and predictions that end when they are sure."""

from __future__ import annotations

from numbers import Real

import numpy as np
import torch
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skmultigran._stages import Stages
from skmultigran._support import Interval
from skmultigran.estimators._exit_threshold import first_sure, lowest_threshold
from skmultigran.estimators._reading import read_images
from skmultigran.training import folded, predict_until_sure


class EarlyExits:
    """Mixin of estimators whose networks can answer after each granularity.

    The estimator has the parameters `deep_supervision` and `exit_threshold`, and its
    task says how sure an answer is.
    """

    _trains_in_stages = True

    _parameter_constraints: dict = {
        "deep_supervision": ["boolean"],
        "exit_threshold": [Interval(Real, 0, 1, closed="both"), None],
    }

    @property
    def stages_(self):
        """Granularities in the order in which they can predict, and "fused"."""
        check_is_fitted(self)
        if not self._is_deeply_supervised():
            # As for attributes that do not exist: `dir`, and with it the picture of an
            # estimator, looks at every one.
            raise AttributeError(self._not_supervised("stages_"))
        return Stages(self.network_).names

    def staged_predict_proba(self, X):
        """Return class probabilities after each granularity, from coarse to fine.

        Everything is computed once, regardless of `exit_threshold`.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        generator of ndarray of float32
            For each of `stages_`, what `predict_proba` would return if prediction
            stopped there; the last is the fused prediction.

        Raises
        ------
        ValueError
            If the estimator was fitted without deep supervision.
        """
        outputs = self._staged_outputs(X, "staged_predict_proba")
        return (self._task.probabilities(answers) for answers in outputs)

    def staged_predict(self, X):
        """Return the most likely labels after each granularity, from coarse to fine.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        generator of ndarray
            For each of `stages_`, what `predict` would return if prediction stopped
            there; the last is the fused prediction.

        Raises
        ------
        ValueError
            If the estimator was fitted without deep supervision.
        """
        outputs = self._staged_outputs(X, "staged_predict")
        return (self._task.decode(answers) for answers in outputs)

    def exit_granularities(self, X):
        """Return the stage at which prediction stops for each image.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of str of shape (n,)
            For each image, the one of `stages_` that makes its prediction.

        Raises
        ------
        ValueError
            If the estimator was fitted without deep supervision.
        """
        self._check_deeply_supervised("exit_granularities")
        source = self._source(read_images(self, X, reset=False))
        threshold = self._exit_threshold()
        if threshold is None:
            return np.full(len(source), self.stages_[-1])
        return np.array(self.stages_)[self._exits(source, threshold)[1]]

    def tune_exit_threshold(self, X_val, y_val, *, tolerance=0.002):
        """Choose the threshold for early predictions on held-out images.

        It is used until `exit_threshold` is set or fit is called again.

        Parameters
        ----------
        X_val : array-like
            Images that were not used in fit: on memorised ones the network is
            overconfident.
        y_val : array-like of shape (n_val,) or (n_val, n_columns)
            Their labels.
        tolerance : float, default=0.002
            How much lower the accuracy may be than that of the fused predictions.

        Returns
        -------
        self
            The estimator, with `exit_threshold_`: the lowest threshold within the
            tolerance, as are all higher ones, or None if only the fused predictions
            are.

        Raises
        ------
        ValueError
            If the estimator was fitted without deep supervision, or if the data are
            invalid.
        """
        self._check_deeply_supervised("tune_exit_threshold")
        if not isinstance(tolerance, Real) or not tolerance >= 0:
            raise ValueError(
                f"tolerance={tolerance!r} must be a share of the images of at least 0, "
                "such as 0.002."
            )
        confidences, right = self._staged_judgements(
            X_val, y_val, "tune_exit_threshold"
        )
        self.exit_threshold_ = lowest_threshold(confidences, right, tolerance)
        return self

    def _staged_judgements(self, X, y, caller):
        """Return how sure all stages but the last are, and whether each is right."""
        task = self._task
        outputs = self._staged_outputs(X, caller)
        y = self._targets.checked(y)
        check_consistent_length(outputs[0], y)
        targets = torch.from_numpy(task.encode(y))
        confidences = [task.confidences(answers).numpy() for answers in outputs[:-1]]
        right = [task.score(answers, targets).numpy() for answers in outputs]
        return np.stack(confidences, axis=1), np.stack(right, axis=1)

    def __setattr__(self, name, value):
        # Also by set_params: a threshold set by hand replaces one that was tuned.
        if name == "exit_threshold":
            vars(self).pop("exit_threshold_", None)
        super().__setattr__(name, value)

    # ------------------------------------------------------------------ fit

    def _train(self, *args, **kwargs):
        self._prepare_exits()
        super()._train(*args, **kwargs)

    def _continue(self, source, samples):
        self._prepare_exits()
        super()._continue(source, samples)

    def _prepare_exits(self):
        """Forget the threshold of another network; refuse what has no early answers."""
        vars(self).pop("exit_threshold_", None)
        if self._is_progressive() and not self._is_deeply_supervised():
            raise ValueError(
                f"training={self.training!r} trains early answers, but the network "
                "that fit would go on with has none. Set warm_start=False."
            )
        if self.exit_threshold is not None and not self._is_deeply_supervised():
            raise ValueError(
                f"exit_threshold={self.exit_threshold!r}, but without deep supervision "
                "there is no early answer. Set deep_supervision=True and fit anew, or "
                "exit_threshold=None."
            )

    # -------------------------------------------------------------- predict

    def _outputs(self, X):
        check_is_fitted(self)
        threshold = self._exit_threshold()
        if threshold is None:
            return super()._outputs(X)
        self._check_deeply_supervised("exit_threshold")
        source = self._source(read_images(self, X, reset=False))
        return self._exits(source, threshold)[0]

    def _exit_threshold(self):
        return vars(self).get("exit_threshold_", self.exit_threshold)

    def _exits(self, source, threshold):
        """Return the first answer of each image that is sure, and of which stage."""

        def is_sure(outputs):
            return self._task.confidences(outputs) >= threshold

        if self._trained_[1] and self.memory is not None:
            # All granularities are looked up together.
            return first_sure(self._staged_outputs_of(source), is_sure)
        stages = Stages(folded(self.network_))
        return predict_until_sure(stages, source, self.device_, is_sure)

    def _staged_outputs(self, X, caller):
        self._check_deeply_supervised(caller)
        return self._staged_outputs_of(self._source(read_images(self, X, reset=False)))

    def _staged_outputs_of(self, source):
        """Return the outputs `(n, n_outputs)` of each stage."""
        outputs = self._answers_of(self._quick("staged"), source)
        return outputs.split(self._task.n_outputs, dim=1)

    def _is_deeply_supervised(self):
        return self.network_recipe_.deep_supervision

    def _check_deeply_supervised(self, caller):
        check_is_fitted(self)
        if not self._is_deeply_supervised():
            raise ValueError(self._not_supervised(caller))

    def _not_supervised(self, caller):
        return (
            f"{caller} needs early answers, but this {type(self).__name__} was fitted "
            "with deep_supervision=False. Set deep_supervision=True and fit it anew."
        )
