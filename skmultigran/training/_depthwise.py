"""Depthwise convolutions in float32, where the rest computes in bfloat16."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from skmultigran.training._forwards import forwards_replaced


@contextlib.contextmanager
def depthwise_in_float32(module: nn.Module) -> Iterator[None]:
    """Let depthwise convolutions on a processor leave autocast.

    Processors have no instructions for them in bfloat16: the backward pass was three
    times as slow as in float32 on one that multiplies matrices of bfloat16 natively.

    Parameters
    ----------
    module : torch.nn.Module
        The network; it may be trained within, but not copied.

    Yields
    ------
    None
    """
    changed = {
        part: functools.partial(_without_autocast, part.forward)
        for part in module.modules()
        if _is_depthwise(part)
    }
    with forwards_replaced(changed):
        yield


def _is_depthwise(module: nn.Module) -> bool:
    if not isinstance(module, nn.Conv2d) or module.weight.device.type != "cpu":
        return False
    return module.groups > 1 and module.groups == module.in_channels


def _without_autocast(forward: Callable[[Tensor], Tensor], map_: Tensor) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        return forward(map_.float())
