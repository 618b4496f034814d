"""Networks that are chains of steps, cut into stages that end where levels are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from skmultigran._levels import Level
from skmultigran.backbones._base import (
    Backbone,
    Normalisation,
    all_levels,
    stages_of_level,
)

# The even side shows the strides, the odd one whether maps round up or down.
PROBE_SIZE = (256, 257)

NamedStep = tuple[str, nn.Module]


class Plan(NamedTuple):
    """How a network splits into stages, one per level."""

    levels: tuple[Level, ...]
    ends: tuple[int, ...]  # number of steps up to the end of each stage
    rounds_up: bool  # whether maps of any image measure ceil(size / stride) as they are


class ListsHaveData(TorchFunctionMode):
    """Keep the small tensors that describe a network off the meta device.

    RegNet computes its widths and depths by tensors (`torch.arange`, `torch.tensor` of
    a list) and reads them, which fails where the weights have no data.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        of_list = func is torch.tensor and bool(args) and isinstance(args[0], list)
        if func is torch.arange or of_list:
            kwargs.setdefault("device", "cpu")
        return func(*args, **kwargs)


class ChainBackbone(Backbone):
    """A chain of steps, as a backbone with one stage per level.

    Parameters
    ----------
    steps : sequence of (str, nn.Module)
        The modules in their order, with their names in the network that they are taken
        from.
    plan : Plan
        Where the levels are.
    chosen : tuple of int
        Positions of the wanted levels, ascending. Nothing after the last of them is
        kept: it would never get a gradient.
    normalisation : tuple or None
        As `Backbone.normalisation`.
    """

    def __init__(
        self,
        steps: Sequence[NamedStep],
        plan: Plan,
        chosen: tuple[int, ...],
        normalisation: Normalisation | None,
    ) -> None:
        super().__init__()
        self.levels = tuple(plan.levels[i] for i in chosen)
        self.chosen = chosen
        self.normalisation = normalisation
        starts = (0, *plan.ends)
        pieces = [steps[starts[i] : plan.ends[i]] for i in range(chosen[-1] + 1)]
        self.stages = nn.ModuleList(
            nn.Sequential(*(module for _, module in piece)) for piece in pieces
        )
        self.step_names = [[name for name, _ in piece] for piece in pieces]
        self.multiple = 1 if plan.rounds_up else int(self.levels[-1].stride)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of `images`; see `Backbone.forward`."""
        return all_levels(self, images)

    def next_level(
        self, position: int, carried: tuple[Tensor, ...], size: tuple[int, int]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return one map, and the uncut one for the next; see `Backbone.next_level`."""
        (map_,) = carried
        if position == 0:
            map_ = self._pad(map_)
        for stage in stages_of_level(self.stages, self.chosen, position):
            map_ = stage(map_)
        return _crop(map_, self.levels[position].map_size(size)), (map_,)

    def _pad(self, images: Tensor) -> Tensor:
        # Networks that round down would lose the last rows of an odd image, and have
        # no map of a small one. Repeated border pixels, cropped off later, keep every
        # position where it was; resizing maps would move them.
        bottom = -images.shape[-2] % self.multiple
        right = -images.shape[-1] % self.multiple
        if not (bottom or right):
            return images
        return functional.pad(images, (0, right, 0, bottom), mode="replicate")

    def original_keys(self) -> dict[str, str]:
        """Return the names that the weights had in the network before it was cut.

        Returns
        -------
        dict of str to str
            For each key of `state_dict()`, in order, the key of the whole network.
        """
        return {
            f"stages.{i}.{j}.{key}": f"{name}.{key}"
            for i, names in enumerate(self.step_names)
            for j, name in enumerate(names)
            for key in self.stages.get_submodule(f"{i}.{j}").state_dict()
        }

    def first_kernel_key(self) -> str:
        """Return the key of the kernel that reads the image.

        Returns
        -------
        str
            The key in `state_dict()`.
        """
        return f"{first_convolution(self)[0]}.weight"


def _crop(map_: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(map_.shape[-2:]) == size:
        return map_
    return map_[..., : size[0], : size[1]]


def first_convolution(module: nn.Module) -> tuple[str, nn.Conv2d]:
    """Return the convolution that reads the image.

    Parameters
    ----------
    module : nn.Module
        A module that holds its parts in the order of their use.

    Returns
    -------
    tuple of (str, nn.Conv2d)
        Its name within the module, and itself.
    """
    return next(
        (name, part)
        for name, part in module.named_modules()
        if isinstance(part, nn.Conv2d)
    )
