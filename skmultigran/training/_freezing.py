"""Which parts of the backbone are trained, and which are held as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from torch import nn

from skmultigran._network import Network
from skmultigran.backbones import Backbone
from skmultigran.training._norm_statistics import batch_norms

_LAST_PARTS = re.compile(r"last:([1-9]\d*)")


def check_trainable(trainable: str) -> None:
    """Raise unless `trainable` is "all", "head" or "last:k".

    Parameters
    ----------
    trainable : str
        What the user gave.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if trainable not in ("all", "head") and not _LAST_PARTS.fullmatch(trainable):
        raise ValueError(
            f"trainable={trainable!r} must be 'all', 'head' (the backbone is frozen) "
            "or 'last:k' with a positive k, such as 'last:2' (the last two parts of "
            "the backbone are trained with the rest)."
        )


def freeze(network: Network, trainable: str, *, hold_statistics: bool) -> None:
    """Freeze parts of the backbone: no gradients, and norm statistics held.

    Frozen parts stay in evaluation mode when the network is in training mode.

    Parameters
    ----------
    network : Network
        The network.
    trainable : str
        "all", "head" or "last:k".
    hold_statistics : bool
        Whether the norms of the backbone's trained parts keep their statistics too, as
        is best for pretrained weights and small batches.

    Raises
    ------
    ValueError
        If the backbone has less parts than "last:k" asks for, or no such order.
    """
    for backbone in network.pyramid.backbones:
        for part in _frozen_parts(cast(Backbone, backbone), trainable):
            part.requires_grad_(False)
            # A part may be a list of modules, made for `parts` and not in the network.
            for module in part.modules():
                hold(module, True)
        if hold_statistics:
            for norm in batch_norms(backbone):
                hold(norm, True)
    network.train(network.training)


def hold(module: nn.Module, held: bool) -> None:
    """Let a module stay in evaluation mode, or not.

    Parameters
    ----------
    module : torch.nn.Module
        Part of a network.
    held : bool
        Whether it stays.
    """
    module.is_held = held  # type: ignore[assignment]


def backbone_frozen_for(network: Network, epochs: int) -> Callable[[int], None]:
    """Return what freezes the backbone for the first epochs, told each epoch's number.

    Parameters
    ----------
    network : Network
        The network.
    epochs : int
        Number of epochs, counted from 1, in which the backbone is frozen.

    Returns
    -------
    callable
        Takes the number of the epoch that begins.
    """
    learned = [p for p in network.pyramid.parameters() if p.requires_grad]
    was_held = getattr(network.pyramid, "is_held", False)

    def begin(number: int) -> None:
        frozen = number <= epochs
        for parameter in learned:
            parameter.requires_grad_(not frozen)
        hold(network.pyramid, frozen or was_held)

    return begin


def _frozen_parts(backbone: Backbone, trainable: str) -> list[nn.Module]:
    if trainable == "all":
        return []
    if trainable == "head":
        return [backbone]
    parts = backbone.parts()
    count = int(trainable.partition(":")[2])
    if count > len(parts):
        raise ValueError(
            f"trainable={trainable!r}, but the backbone has {len(parts)} parts with "
            "weights. Take fewer, or trainable='all'."
        )
    return parts[: len(parts) - count]
