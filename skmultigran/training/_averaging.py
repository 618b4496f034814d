"""A moving average of the weights, which is often better than the last ones."""

from __future__ import annotations

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage:
    """The exponential moving average of a module's weights and buffers.

    Parameters
    ----------
    module : torch.nn.Module
        The module that is trained.
    decay : float
        How much of the average stays at each step.

    References
    ----------
    B. T. Polyak and A. B. Juditsky, "Acceleration of Stochastic Approximation by
    Averaging", SIAM Journal on Control and Optimization 30(4), 1992.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._average = AveragedModel(
            module, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True
        )

    @property
    def module(self) -> nn.Module:
        """A module of its own with the average as its weights."""
        return self._average.module

    def update(self, module: nn.Module) -> None:
        """Take note of a step.

        Parameters
        ----------
        module : torch.nn.Module
            The module after the step.
        """
        self._average.update_parameters(module)

    def give(self, module: nn.Module) -> None:
        """Give the module the average of its weights.

        Parameters
        ----------
        module : torch.nn.Module
            The module that was trained.
        """
        module.load_state_dict(self.module.state_dict())
