"""When to stop, and the weights of the best epoch."""

from __future__ import annotations

import math

from torch import Tensor, nn


class EarlyStopping:
    """Watch the validation loss and keep the best weights.

    Parameters
    ----------
    n_iter_no_change : int
        Epochs without an improvement after which training stops.
    tol : float
        How much lower the loss must be to count as an improvement.
    """

    def __init__(self, n_iter_no_change: int, tol: float) -> None:
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.best_epoch = 0
        self._best_loss = math.inf
        self._target = math.inf
        self._waited = 0
        self._weights: dict[str, Tensor] = {}

    def update(self, loss: float, epoch: int, module: nn.Module) -> bool:
        """Take note of an epoch.

        Parameters
        ----------
        loss : float
            Validation loss.
        epoch : int
            Number of the epoch, from 1.
        module : torch.nn.Module
            The network after the epoch.

        Returns
        -------
        bool
            Whether to stop.
        """
        if loss < self._best_loss or not self._weights:
            # In this order NaN is not kept: nothing would ever be lower.
            self._best_loss = min(self._best_loss, loss)
            self.best_epoch = epoch
            state = module.state_dict()
            self._weights = {name: value.clone() for name, value in state.items()}
        improved = loss < self._target - self.tol
        if improved:
            self._target = loss
        self._waited = 0 if improved else self._waited + 1
        return self._waited >= self.n_iter_no_change

    def restore(self, module: nn.Module) -> None:
        """Give the module the weights of the best epoch.

        Parameters
        ----------
        module : torch.nn.Module
            The network.
        """
        if self._weights:
            module.load_state_dict(self._weights)
