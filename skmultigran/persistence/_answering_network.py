"""A fitted estimator as one module: pixel values in, named answers out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


class AnsweringNetwork(nn.Module):
    """The network of an estimator, with what stands before and behind it.

    Parameters
    ----------
    network : torch.nn.Module
        The fitted network.
    answers : callable
        Network and images `(B, C, H, W)` with values in [0, 1] to tensors by name.
    limits : tuple of float
        Pixel values that become 0 and 1.
    """

    def __init__(
        self,
        network: nn.Module,
        answers: Callable[[nn.Module, Tensor], Mapping[str, Tensor]],
        limits: tuple[float, float],
    ) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu().eval().requires_grad_(False)
        self.limits = limits
        self._answers = answers

    def named(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the answers by name.

        Parameters
        ----------
        images : Tensor of shape (B, H, W, C)
            Pixel values as in fit.

        Returns
        -------
        dict of str to Tensor
            The answers.
        """
        low, high = self.limits
        unit = (images.to(torch.float32) - low) / (high - low)
        return self._answers(self.network, unit.permute(0, 3, 1, 2))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the answers, as graphs have them: in order, without names.

        Parameters
        ----------
        images : Tensor of shape (B, H, W, C)
            Pixel values as in fit.

        Returns
        -------
        tuple of Tensor
            The answers.
        """
        return tuple(self.named(images).values())
