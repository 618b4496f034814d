"""Mixed images, that answer partly as the one and partly as the other."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Mixture(NamedTuple):
    """How the images of a batch were mixed.

    Parameters
    ----------
    partners : Tensor of int64 of shape (B,)
        Which image of the batch each one was mixed with.
    share : float
        The share of the image itself; the rest is its partner's.
    """

    partners: Tensor
    share: float

    def answers(self, targets: Tensor, weights: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the answers of both images of each pair, weighted by their shares.

        Parameters
        ----------
        targets : Tensor of shape (B, ...)
            Encoded answers.
        weights : Tensor of shape (B,)
            Weights of the images.

        Returns
        -------
        list of (Tensor, Tensor)
            Targets and weights: of the images, and of their partners. The sum of the
            two weighted losses is the loss of the mixed image.
        """
        partners = self.partners.to(weights.device)
        return [
            (targets, weights * self.share),
            (targets[partners], weights[partners] * (1 - self.share)),
        ]


def mixed(images: Tensor, alpha: float) -> tuple[Tensor, Mixture]:
    """Mix each image of a batch with another one of it [1]_.

    Parameters
    ----------
    images : Tensor of float32 of shape (B, ...)
        Images, or rows of features.
    alpha : float
        The share is drawn from Beta(alpha, alpha), one for the batch: mostly near 0 or
        1 where alpha is small, evenly where it is 1.

    Returns
    -------
    images : Tensor of float32 of shape (B, ...)
        New images; all is drawn from torch's default generator.
    mixture : Mixture
        How they were mixed.

    References
    ----------
    .. [1] H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018,
       arXiv 1710.09412.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.training import mixed
    >>> images, mixture = mixed(torch.eye(4), alpha=1.0)
    >>> images.sum(dim=1)  # nothing is added, nothing is lost
    tensor([1., 1., 1., 1.])
    """
    partners = torch.randperm(len(images))
    share = torch.distributions.Beta(alpha, alpha).sample().item()
    others = images[partners.to(images.device)]
    return torch.lerp(others, images, share), Mixture(partners, share)
