"""Progress of a fit: scikit-learn's callbacks, and a bar of its own for `verbose`."""

from __future__ import annotations

from tqdm import tqdm


class FitProgress:
    """Tell callbacks and the user about every epoch.

    Parameters
    ----------
    estimator : estimator with `CallbackSupportMixin`
        The estimator being fitted.
    X, y : object
        Training data as the user gave it, for the callbacks.
    sample_weight : object
        Weights as the user gave them, for the callbacks. Nothing else is: callbacks
        that score hand all they get to their scorers, which know no validation data.
    max_epochs : int, default=0
        Number of epochs at most; 0: nothing is trained.
    fitted_attributes : callable, default=dict
        Returns what an estimator needs to predict as if training had stopped now.
    """

    def __init__(
        self, estimator, X, y, *, sample_weight, max_epochs=0, fitted_attributes=dict
    ) -> None:
        self.estimator = estimator
        metadata = {"sample_weight": sample_weight}
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fitted_attributes = fitted_attributes
        self._context = estimator._init_callback_context(max_subtasks=max_epochs)
        self._context.call_on_fit_task_begin(**self._data)
        self._epoch_context = self._context
        self._bar = tqdm(
            total=max_epochs,
            desc=type(estimator).__name__,
            unit="epoch",
            disable=not (estimator.verbose and max_epochs),
        )

    def begin_epoch(self, number: int) -> None:
        """Tell that an epoch begins.

        Parameters
        ----------
        number : int
            Its number, from 1.
        """
        self._epoch_context = self._context.subcontext(task_name="epoch")
        self._epoch_context.call_on_fit_task_begin(**self._data)

    def end_epoch(self, epoch: dict) -> bool:
        """Tell that an epoch has ended.

        Parameters
        ----------
        epoch : dict
            Its entry of the history.

        Returns
        -------
        bool
            Whether a callback asks to stop.
        """
        losses = {name: epoch[name] for name in epoch if name.endswith("_loss")}
        self._bar.set_postfix({name: f"{losses[name]:.4f}" for name in losses})
        self._bar.update()
        return self._epoch_context.call_on_fit_task_end(
            **self._data, reconstruction_attributes=self._fitted_attributes
        )

    def close(self) -> None:
        """Leave the bar as it is on the screen."""
        self._bar.close()

    def end(self) -> None:
        """Tell that the fit has ended; the estimator is ready to predict."""
        self._context.call_on_fit_task_end(
            **self._data, reconstruction_attributes=self._fitted_attributes
        )
