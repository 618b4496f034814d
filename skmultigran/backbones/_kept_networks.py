"""Networks with their weights, kept so that a search need not build them again."""

from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Callable, Hashable

from torch import Tensor, nn

from skmultigran.backbones._base import Backbone

# A search builds the same network for each fit: it is the last, or the one before.
_MOST_KEPT = 2
# Larger ones are worth their building, and too much to hold.
_MOST_BYTES = 2**27

_KEPT: dict[Hashable, _Pattern] = {}
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
        pattern = _KEPT.pop(key, None)
        if pattern is not None:
            _KEPT[key] = pattern  # the last one now
            return pattern.copy()
    network = build()
    if _n_bytes(network) > _MOST_BYTES:
        return network
    try:
        pattern = _Pattern(network)
    except (pickle.PicklingError, AttributeError, TypeError):
        return network  # it has a part, say a local function, that can't be copied
    with _LOCK:
        _KEPT[key] = pattern
        while len(_KEPT) > _MOST_KEPT:
            del _KEPT[next(iter(_KEPT))]
    return pattern.copy()


def forget_networks() -> None:
    """Let go of all networks."""
    with _LOCK:
        _KEPT.clear()


class _Pattern:
    """A network as its tensors and the pickle of all else.

    Its copies are made several times faster than `copy.deepcopy` makes them, which
    walks through thousands of small objects in Python.
    """

    def __init__(self, network: Backbone) -> None:
        file = io.BytesIO()
        pickler = _Pickler(file)
        pickler.dump(network)
        self._structure = file.getvalue()
        self._tensors = pickler.tensors

    def copy(self) -> Backbone:
        """Return a network with tensors of its own."""
        unpickler = _Unpickler(io.BytesIO(self._structure))
        unpickler.tensors = [_copy(tensor) for tensor in self._tensors]
        return unpickler.load()


class _Pickler(pickle.Pickler):
    """Puts tensors aside, each once."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.tensors: list[Tensor] = []
        self._places: dict[int, int] = {}

    def persistent_id(self, obj: object) -> int | None:
        """Return the place of a tensor; None for all that is pickled as usual."""
        if not isinstance(obj, Tensor) or type(obj) not in (Tensor, nn.Parameter):
            return None
        if id(obj) not in self._places:
            self._places[id(obj)] = len(self.tensors)
            self.tensors.append(obj)
        return self._places[id(obj)]


class _Unpickler(pickle.Unpickler):
    """Puts given tensors into their places."""

    tensors: list[Tensor]

    def persistent_load(self, pid: int) -> Tensor:
        """Return the tensor of a place."""
        return self.tensors[pid]


def _copy(tensor: Tensor) -> Tensor:
    copied = tensor.detach().clone()
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(copied, requires_grad=tensor.requires_grad)
    return copied


def _n_bytes(network: Backbone) -> int:
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.nbytes for tensor in tensors)
