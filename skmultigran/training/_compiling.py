"""Predictions through `torch.compile`."""

from __future__ import annotations

import copy
import warnings
import weakref
from collections.abc import Callable

import torch
from torch import Tensor, nn

from skmultigran.training._folding import folded
from skmultigran.training._prediction import prediction_batch_size

# By folded copies, which are made anew when weights change.
_compiled: weakref.WeakKeyDictionary[nn.Module, dict[str, _Compiled]] = (
    weakref.WeakKeyDictionary()
)


def compiled(network: nn.Module, method: str = "forward") -> Callable[[Tensor], Tensor]:
    """Return a method of a network that runs through `torch.compile`.

    Only whole batches of images do, so that it is compiled once: compiling takes longer
    than thousands of images. Others run as usual.

    Parameters
    ----------
    network : torch.nn.Module
        The network, in evaluation mode, as `folded` takes it.
    method : str, default="forward"
        Name of a method that takes images `(B, C, H, W)`, or rows.

    Returns
    -------
    callable
        The method. Where it can't be compiled, it warns and runs as usual.
    """
    copied = folded(network)
    methods = _compiled.setdefault(copied, {})
    if method not in methods:
        # A copy of its own: one that knew the key would keep it alive.
        methods[method] = _Compiled(copy.deepcopy(copied), method)
    return methods[method]


def _is_whole_batch(inputs: Tensor) -> bool:
    if inputs.ndim != 4:
        return False
    height, width = inputs.shape[2:]
    return len(inputs) == prediction_batch_size((height, width))


class _Compiled:
    """A method and its compiled form.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    method : str
        The method's name.
    """

    def __init__(self, network: nn.Module, method: str) -> None:
        self._plain = getattr(network, method)
        # Weights that never change can lie as the kernels want them, and what follows
        # a convolution becomes a part of it.
        self._quick = torch.compile(
            self._plain, dynamic=False, options={"freezing": True}
        )

    def __call__(self, inputs: Tensor) -> Tensor:
        if not _is_whole_batch(inputs):
            return self._plain(inputs)
        try:
            return self._quick(inputs)
        except Exception as error:
            outputs = self._plain(inputs)  # if it is the images' fault, this tells
            warnings.warn(
                "compile=True has no effect: torch.compile failed, so predictions run "
                f"without it. It needs a C++ compiler. {type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
            self._quick = self._plain
            return outputs
