"""How much each granularity counts in what a fusion gives."""

from __future__ import annotations

import torch

from skmultigran.fusions import Parallel


def fusion_shares(network, n_tasks, name):
    """Return a function of images that tells the shares of their granularities.

    Parameters
    ----------
    network : Network
        The network, in evaluation mode.
    n_tasks : int
        Number of tasks.
    name : str or recipe
        The fusion as the user gave it, for the message.

    Returns
    -------
    callable
        Images `(B, C, H, W)` to shares `(B, n_tasks * n_granularities)`, task by task.

    Raises
    ------
    ValueError
        If the fusion has no weights.
    """
    fusion = network.fusion
    fusions = list(fusion.fusions) if isinstance(fusion, Parallel) else [fusion]
    if not hasattr(fusions[0], "granularity_weights"):
        raise ValueError(
            f"granularity_weights got fusion={name!r}, which does not weigh "
            "granularities. Fit with fusion='weighted', 'gated' or 'attention', or use "
            "granularity_importance, which works with all."
        )

    def shares(images):
        maps = network.extract(images)
        # Fusions that come after the pooling see the maps on each grid.
        pooled_first = not getattr(network, "fuse_maps", True)
        seen = network.head.pool(maps) if pooled_first else [maps]
        found = [
            torch.stack([fusion.granularity_weights(maps) for maps in seen]).mean(dim=0)
            for fusion in fusions
        ]
        # Weights that are divided by a little more than their sum stay below it.
        found = [weights / weights.sum(dim=1, keepdim=True) for weights in found]
        return torch.cat(found * (n_tasks // len(found)), dim=1)

    return shares
