"""Strided 1 x 1 convolutions of few channels, whose gradient may end the process."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TypeGuard

from torch import Tensor, nn
from torch.nn import functional

from skmultigran.training._forwards import forwards_replaced

# float32 in 512 bits.
_CHANNELS_OF_A_VECTOR = 16


@contextlib.contextmanager
def strides_taken_first(module: nn.Module) -> Iterator[None]:
    """Let narrow, strided 1 x 1 convolutions on a processor run without their stride.

    With a stride and fewer input channels than a vector of the processor holds, the
    gradient of their weights writes beyond its memory:
    https://github.com/uxlfoundation/oneDNN/issues/6035. The pixels that the stride
    meets are taken first instead; the result is the same.

    Parameters
    ----------
    module : torch.nn.Module
        The network, which may be trained within.

    Yields
    ------
    None
    """
    changed: dict[nn.Module, Callable[[Tensor], Tensor]] = {
        part: functools.partial(_of_met_pixels, part)
        for part in module.modules()
        if _is_narrow_and_strided(part)
    }
    with forwards_replaced(changed):
        yield


def _is_narrow_and_strided(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    # Not a subclass, whose forward may be another one.
    return (
        type(module) is nn.Conv2d
        and module.kernel_size == (1, 1)
        and module.stride != (1, 1)
        and module.padding == (0, 0)
        and module.in_channels < _CHANNELS_OF_A_VECTOR
        and module.weight.device.type == "cpu"
    )


def _of_met_pixels(convolution: nn.Conv2d, map_: Tensor) -> Tensor:
    rows, columns = convolution.stride
    met = map_[:, :, ::rows, ::columns]
    return functional.conv2d(
        met, convolution.weight, convolution.bias, groups=convolution.groups
    )
