"""The running statistics of batch norms: held, corrected, estimated anew."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from skmultigran.images import ImageSource
from skmultigran.training._rows import RowSource

_IMAGES_TO_ESTIMATE_FROM = 2048


def batch_norms(module: nn.Module) -> list[_BatchNorm]:
    """Return the batch norms of a module whose running statistics are learned.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    list of torch.nn.Module
        Its norms.
    """
    held = {
        id(part)
        for holder in module.modules()
        if getattr(holder, "is_held", False)
        for part in holder.modules()
    }
    return [
        part
        for part in module.modules()
        if isinstance(part, _BatchNorm)
        and part.track_running_stats
        and id(part) not in held
    ]


@contextlib.contextmanager
def norm_statistics_held(module: nn.Module) -> Iterator[None]:
    """Use, and leave alone, the running statistics of batch norms.

    Parameters
    ----------
    module : torch.nn.Module
        The module whose norms are held.

    Yields
    ------
    None
    """
    norms = [norm for norm in batch_norms(module) if norm.training]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()


@torch.no_grad()
def estimate_norm_statistics(
    module: nn.Module, source: ImageSource | RowSource, *, batch_size: int, device: str
) -> None:
    """Estimate the running statistics anew, with the weights as they are now.

    Running averages lag behind the weights, which costs accuracy after a short training
    or one with large steps; a pass over some images as prediction will see them,
    without augmentation, costs little.

    Parameters
    ----------
    module : torch.nn.Module
        The network; it is in evaluation mode afterwards.
    source : ImageSource
        Training images, of which some 2,000 are used, evenly spread.
    batch_size : int
        Images per batch.
    device : str
        Where the network lives.
    """
    norms = batch_norms(module)
    n = min(len(source), _IMAGES_TO_ESTIMATE_FROM)
    if not norms or n < 2:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    module.eval()
    for norm in norms:
        norm.train()
    rows = np.linspace(0, len(source) - 1, n).astype(np.int64)
    # Rows may be sorted by class, and a batch of one class is not like the data.
    rows = np.random.default_rng(0).permutation(rows)
    # A norm refuses a single value per channel.
    for part in np.array_split(rows, max(1, n // max(2, batch_size))):
        module(source.gather(part).to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    module.eval()
