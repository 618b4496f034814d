"""Batch norms with fixed statistics, folded into the convolutions before them.

A norm whose statistics are fixed is one factor and one summand per channel, and so can
be part of the convolution before it. It then costs nothing, where it would cost two
walks over each map, and four more in training.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import weakref
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from skmultigran.training._forwards import forwards_replaced

# Of the images on which it is tried; a backbone takes any size.
_TRIED_SIZE = 32
# Between the two ways in float32, relative to the largest output.
_TOLERANCE = 1e-3

_copies: weakref.WeakKeyDictionary[nn.Module, _Copy] = weakref.WeakKeyDictionary()


class _Pair(NamedTuple):
    """Names of a convolution and of the norm that takes what it gives."""

    convolution: str
    norm: str


class _Copy(NamedTuple):
    """A folded copy, and what the network was like when it was made."""

    parts: tuple[nn.Module, ...]
    state: list[int]
    network: nn.Module | None  # None: there was nothing to fold


def folded(network: nn.Module) -> nn.Module:
    """Return a copy of a network for prediction, its norms folded away.

    The copy is made once for the weights as they are, and remembered. The network stays
    as it is.

    Parameters
    ----------
    network : torch.nn.Module
        A network in evaluation mode; it takes images `(B, C, H, W)` of any size, with
        as many channels as its buffer `mean`.

    Returns
    -------
    torch.nn.Module
        The copy; the network itself where there is nothing to fold, or where it is
        within `held_norms_folded`.
    """
    known = _copies.get(network)
    if known is None or known.state != _state(network, known.parts):
        if any("forward" in vars(module) for module in network.modules()):
            return network  # it is in training, and folded there
        # Without the network itself, which would then never be let go of.
        parts = tuple(module for module in network.modules() if module is not network)
        state, pairs = _state(network, parts), _pairs(network)
        copied = _folded_copy(network, pairs) if pairs else None
        known = _copies[network] = _Copy(parts, state, copied)
    return network if known.network is None else known.network


def _state(network: nn.Module, parts: tuple[nn.Module, ...]) -> list[int]:
    """Return what changes when a weight, a part or a way of computing does.

    Walking through a network takes longer than a look at parts that are known, which
    one image would notice.
    """
    state: list[int] = []
    for module in (network, *parts):
        state.append("forward" in vars(module))
        state.extend(map(id, module._modules.values()))
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                # Where it lies, and how often it was written to. Tensors made in
                # inference mode do not count that.
                state.append(tensor.data_ptr())
                state.append(0 if tensor.is_inference() else tensor._version)
    return state


@torch.no_grad()
def _folded_copy(network: nn.Module, pairs: list[_Pair]) -> nn.Module:
    result = copy.deepcopy(network).requires_grad_(False)
    for pair in pairs:
        convolution, norm = _modules(result, pair)
        weight, bias = _folded_weights(convolution, norm)
        convolution.weight = nn.Parameter(weight, requires_grad=False)
        convolution.bias = nn.Parameter(bias, requires_grad=False)
        owner, _, name = pair.norm.rpartition(".")
        setattr(result.get_submodule(owner), name, _rest_of_norm(norm))
    return result


def _modules(network: nn.Module, pair: _Pair) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    convolution = network.get_submodule(pair.convolution)
    norm = network.get_submodule(pair.norm)
    return cast(nn.Conv2d, convolution), cast(nn.BatchNorm2d, norm)


@contextlib.contextmanager
def held_norms_folded(network: nn.Module) -> Iterator[None]:
    """Fold the norms whose statistics are held, while the network is trained.

    What is learned stays the same: gradients reach the weights of the convolution and
    of the norm through the folded ones.

    Parameters
    ----------
    network : torch.nn.Module
        The network, in training mode from here on; it may be trained and judged
        within, but not copied.

    Yields
    ------
    None
    """
    pairs = _pairs(network)
    network.train()
    pairs = [p for p in pairs if not network.get_submodule(p.norm).training]
    forwards: dict[nn.Module, Callable[[Tensor], Tensor]] = {}
    for pair in pairs:
        convolution, norm = _modules(network, pair)
        forwards[norm] = _rest_of_norm(norm)
        forwards[convolution] = functools.partial(
            _run_folded, convolution, norm, convolution.forward
        )
    with forwards_replaced(forwards):
        yield


def _run_folded(
    convolution: nn.Conv2d,
    norm: nn.BatchNorm2d,
    plain: Callable[[Tensor], Tensor],
    map_: Tensor,
) -> Tensor:
    """Run the convolution's own forward with the folded weights in place of its own."""
    parameters = cast(dict[str, Tensor | None], convolution._parameters)
    own = dict(parameters)
    parameters["weight"], parameters["bias"] = _folded_weights(convolution, norm)
    try:
        return plain(map_)
    finally:
        parameters.update(own)


def _folded_weights(
    convolution: nn.Conv2d, norm: nn.BatchNorm2d
) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a convolution that does what the norm does as well."""
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    factor = norm.weight * (variance + norm.eps).rsqrt()
    before = mean if convolution.bias is None else mean - convolution.bias
    weight = convolution.weight * factor[:, None, None, None]
    return weight, norm.bias - before * factor


def _rest_of_norm(norm: nn.BatchNorm2d) -> nn.Module:
    """Return what is left to do: timm's norms include the activation."""
    if type(norm) is nn.BatchNorm2d:
        return nn.Identity()
    return nn.Sequential(cast(nn.Module, norm.drop), cast(nn.Module, norm.act))


def _can_be_folded(norm: nn.Module) -> bool:
    if not isinstance(norm, nn.BatchNorm2d) or norm.running_var is None:
        return False
    if not norm.affine:
        return False
    parts = [getattr(norm, name, None) for name in ("drop", "act")]
    with_activation = all(isinstance(part, nn.Module) for part in parts)
    return type(norm) is nn.BatchNorm2d or with_activation


@torch.no_grad()
def _pairs(network: nn.Module) -> list[_Pair]:
    """Return the norms that can be folded, each with its convolution.

    They are found by running the network once, and kept only if it then gives the same:
    what a convolution gives may be used in other places too.
    """
    if not any(_can_be_folded(module) for module in network.modules()):
        return []
    network.eval()
    images = _images_to_try(network)
    expected, pairs = _watched(network, images)
    if not pairs:
        return []
    got = _folded_copy(network, pairs)(images)
    # Places of objects have limits that are infinite, whatever the weights.
    finite = expected.isfinite()
    if not finite.any():
        return []  # weights of a training that diverges
    largest = expected[finite].abs().max().clamp(min=1e-6)
    off = (got - expected)[finite].abs().max()
    same = (off <= _TOLERANCE * largest) & torch.equal(got[~finite], expected[~finite])
    return pairs if bool(same) else []


def _images_to_try(network: nn.Module) -> Tensor:
    mean = network.get_buffer("mean")
    shape = (1, mean.shape[1], _TRIED_SIZE, _TRIED_SIZE)
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(shape, dtype=mean.dtype, generator=generator)
    return values.to(mean.device).to(memory_format=torch.channels_last)


def _watched(network: nn.Module, images: Tensor) -> tuple[Tensor, list[_Pair]]:
    """Return the output, and which norm takes which convolution's output."""
    given: dict[int, tuple[str, Tensor]] = {}
    found: dict[str, set[str]] = {}

    def after_convolution(name: str, output: Tensor) -> None:
        # Kept until the end, or another tensor could get the same number.
        given[id(output)] = name, output

    def before_norm(name: str, map_: Tensor) -> None:
        source, _ = given.get(id(map_), ("", map_))
        found.setdefault(name, set()).add(source)

    handles = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            handles.append(
                module.register_forward_hook(
                    lambda _module, _inputs, output, name=name: after_convolution(
                        name, output
                    )
                )
            )
        elif _can_be_folded(module):
            handles.append(
                module.register_forward_pre_hook(
                    lambda _module, inputs, name=name: before_norm(name, inputs[0])
                )
            )
    try:
        output = network(images)
    finally:
        for handle in handles:
            handle.remove()
    return output, _one_to_one(found)


def _one_to_one(found: dict[str, set[str]]) -> list[_Pair]:
    """Return the pairs of norms that have one convolution, which has one norm."""
    pairs = [
        _Pair(next(iter(sources)), norm)
        for norm, sources in found.items()
        if len(sources) == 1 and "" not in sources
    ]
    convolutions = [pair.convolution for pair in pairs]
    return [pair for pair in pairs if convolutions.count(pair.convolution) == 1]
