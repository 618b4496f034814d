"""The loss of a network that also answers early."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Of the mean loss of the early answers, beside that of the fused one.
EXITS_WEIGHT = 1.0


def deeply_supervised(
    losses: Callable[[Tensor, Tensor], Tensor], n_outputs: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of all answers: the fused one, plus the mean of the early ones.

    Parameters
    ----------
    losses : callable
        `(outputs, targets)` to one loss per image, for one answer.
    n_outputs : int
        Number of raw numbers of one answer.

    Returns
    -------
    callable
        The same for the answers of all stages side by side, the fused one last.

    References
    ----------
    C.-Y. Lee et al., "Deeply-Supervised Nets", AISTATS 2015, arXiv 1409.5185.

    G. Huang et al., "Multi-Scale Dense Networks for Resource Efficient Image
    Classification", ICLR 2018, arXiv 1703.09844.
    """

    def total(outputs: Tensor, targets: Tensor) -> Tensor:
        *exits, fused = (losses(o, targets) for o in outputs.split(n_outputs, dim=1))
        return fused + EXITS_WEIGHT * torch.stack(exits).mean(dim=0)

    return total
