"""Networks with their weights, kept so that a search need not build them again."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Hashable

from skmultigran.backbones._base import Backbone

# A search builds the same network for each fit: it is the last, or the one before.
_MOST_KEPT = 2
# Larger ones are worth their building, and too much to hold.
_MOST_BYTES = 2**27

_KEPT: dict[Hashable, Backbone] = {}
_LOCK = threading.Lock()


def built_or_copied(key: Hashable, build: Callable[[], Backbone]) -> Backbone:
    """Return a fresh network, a copy of one that was built before if there is one.

    Parameters
    ----------
    key : hashable
        All that the network depends on, its weights included.
    build : callable
        Builds it.

    Returns
    -------
    Backbone
        A network that nobody else has.
    """
    with _LOCK:
        network = _KEPT.pop(key, None)
        if network is None:
            network = build()
        if _n_bytes(network) > _MOST_BYTES:
            return network
        _KEPT[key] = network  # the last one now
        while len(_KEPT) > _MOST_KEPT:
            del _KEPT[next(iter(_KEPT))]
    return copy.deepcopy(network)


def forget_networks() -> None:
    """Let go of all networks."""
    with _LOCK:
        _KEPT.clear()


def _n_bytes(network: Backbone) -> int:
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.nbytes for tensor in tensors)
