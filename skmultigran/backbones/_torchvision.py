"""The convolutional networks of torchvision, as pyramids of their own maps."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from skmultigran._levels import Level
from skmultigran._registry import register_backbone
from skmultigran._support import import_optional
from skmultigran.backbones._base import Backbone, BackboneRecipe, chosen_levels

_FAMILIES = {
    "convnext": ("convnext",),
    "densenet": ("densenet",),
    "efficientnet": ("efficientnet",),
    "mobilenet": ("mobilenet",),
    "regnet": ("regnet",),
    "resnet": ("resnet", "resnext", "wide_resnet"),
    "shufflenet": ("shufflenet",),
}

# The even side shows the strides, the odd one whether maps round up or down.
_PROBE_SIZE = (256, 257)


class _Plan(NamedTuple):
    """How a network splits into stages, one per stride."""

    levels: tuple[Level, ...]
    ends: tuple[int, ...]  # number of steps up to the end of each stage
    rounds_up: bool  # whether each map measures ceil(size / stride) by itself


class _ListsHaveData(TorchFunctionMode):
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


def _models() -> ModuleType:
    return import_optional(
        "torchvision.models", caller="TorchvisionBackbone", extra="all"
    )


def _supported_names() -> list[str]:
    models = _models()
    prefixes = tuple(prefix for family in _FAMILIES.values() for prefix in family)
    names = models.list_models(module=models)
    return [name for name in names if name.startswith(prefixes)]


def _check_name(name: str) -> None:
    models = _models()
    supported = _supported_names()
    if name in supported:
        return
    families = ", ".join(sorted(_FAMILIES))
    if name in models.list_models(module=models):
        raise ValueError(
            f"TorchvisionBackbone got name={name!r}, a network without a pyramid of "
            f"maps that it can read. Choose one of the families {families}."
        )
    nearest = difflib.get_close_matches(name, supported, n=1, cutoff=0.0)[0]
    raise ValueError(
        f"TorchvisionBackbone got name={name!r}, which torchvision does not have. Did "
        f"you mean {nearest!r}? It takes the names of torchvision.models in the "
        f"families {families}."
    )


def _steps(name: str) -> list[nn.Module]:
    """Return the modules of a fresh network in their order, without its classifier."""
    with _ListsHaveData():
        # One class: the classifier is dropped, so it should not cost memory.
        network = _models().get_model(name, weights=None, num_classes=1)
    if name.startswith("densenet"):
        # The network applies it in its forward, not as a module.
        return [*network.features, nn.ReLU()]
    if hasattr(network, "features"):
        return list(network.features)
    steps: list[nn.Module] = []
    for child_name, child in network.named_children():
        if child_name == "trunk_output":
            steps.extend(child.children())
        elif child_name not in ("avgpool", "fc"):
            steps.append(child)
    return steps


@functools.cache
def _plan(name: str) -> _Plan:
    """Return the plan of a network, from one pass without data."""
    with torch.device("meta"), torch.no_grad():
        map_ = torch.empty(1, 3, *_PROBE_SIZE)
        levels: list[Level] = []
        ends: list[int] = []
        rounds_up = True
        for i, step in enumerate(_steps(name)):
            map_ = step.eval()(map_)
            level = Level(map_.shape[1], _PROBE_SIZE[0] // map_.shape[2])
            rounds_up &= level.map_size(_PROBE_SIZE) == tuple(map_.shape[-2:])
            if levels and levels[-1].stride == level.stride:
                levels.pop()
                ends.pop()
            levels.append(level)
            ends.append(i + 1)
    return _Plan(tuple(levels), tuple(ends), rounds_up)


def _renew_first_convolution(stage: nn.Module, in_channels: int) -> None:
    """Replace the first convolution by a fresh one for images of `in_channels`."""
    name, old = next(
        (name, module)
        for name, module in stage.named_modules()
        if isinstance(module, nn.Conv2d)
    )
    new = nn.Conv2d(
        in_channels,
        old.out_channels,
        kernel_size=(old.kernel_size[0], old.kernel_size[1]),
        stride=(old.stride[0], old.stride[1]),
        padding=(int(old.padding[0]), int(old.padding[1])),
        bias=old.bias is not None,
    )
    parent, _, attribute = name.rpartition(".")
    setattr(stage.get_submodule(parent), attribute, new)


class _Torchvision(Backbone):
    def __init__(self, name: str, in_channels: int, chosen: tuple[int, ...]) -> None:
        super().__init__()
        plan = _plan(name)
        self.levels = tuple(plan.levels[i] for i in chosen)
        self.chosen = chosen
        steps = _steps(name)
        starts = (0, *plan.ends)
        # Nothing after the last chosen level is kept: it would never get a gradient.
        self.stages = nn.ModuleList(
            nn.Sequential(*steps[starts[i] : plan.ends[i]])
            for i in range(chosen[-1] + 1)
        )
        self.multiple = 1 if plan.rounds_up else int(self.levels[-1].stride)
        if in_channels != 3:
            _renew_first_convolution(self.stages[0], in_channels)

    def forward(self, images: Tensor) -> list[Tensor]:
        size = (images.shape[-2], images.shape[-1])
        map_ = self._pad(images)
        maps = []
        for stage in self.stages:
            map_ = stage(map_)
            maps.append(map_)
        return [
            _crop(maps[i], level.map_size(size))
            for i, level in zip(self.chosen, self.levels, strict=True)
        ]

    def _pad(self, images: Tensor) -> Tensor:
        # Networks that round down would lose the last rows of an odd image, and have
        # no map of a small one. Repeated border pixels, cropped off later, keep every
        # position where it was; resizing maps would move them.
        bottom = -images.shape[-2] % self.multiple
        right = -images.shape[-1] % self.multiple
        if not (bottom or right):
            return images
        return functional.pad(images, (0, right, 0, bottom), mode="replicate")


def _crop(map_: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(map_.shape[-2:]) == size:
        return map_
    return map_[..., : size[0], : size[1]]


@register_backbone("torchvision")
class TorchvisionBackbone(BackboneRecipe):
    """A convolutional network of torchvision, without its classifier.

    The last map of each stride is a level, so most networks have levels of strides
    2, 4, 8, 16 and 32 [1]_. The families are convnext, densenet, efficientnet,
    mobilenet, regnet, resnet (with resnext and wide_resnet) and shufflenet.

    Parameters
    ----------
    name : str, default="resnet18"
        Name of the network in `torchvision.models`.
    weights : None, default=None
        Weights to start from. This version only has None: random weights, as
        torchvision draws them. Nothing is ever downloaded.
    out_indices : sequence of int or None, default=None
        Levels to return, by their position from fine to coarse; negative ones count
        from the end. None: all. What lies behind the last of them is not built.

    Notes
    -----
    For images that do not have three channels, the first convolution is built anew with
    PyTorch's default initialisation.

    convnext and densenet round the sizes of their maps down. Their images are extended
    by repeated border pixels at the bottom and the right, to a multiple of the coarsest
    level's stride, and the maps are cropped: each measures `ceil(size / stride)`, and
    images that are a multiple already meet the network as torchvision has it.

    The last map is what the classifier of the network averages. convnext applies its
    last norm after that average, so it is not part of the map.

    References
    ----------
    .. [1] TorchVision maintainers and contributors, "TorchVision: PyTorch's Computer
       Vision library", 2016, https://github.com/pytorch/vision.

    Examples
    --------
    >>> from skmultigran import TorchvisionBackbone
    >>> backbone = TorchvisionBackbone(name="resnet18", out_indices=(1, -1))
    >>> backbone.levels(in_channels=3, image_size=(64, 64))
    (Level(channels=64, stride=4), Level(channels=512, stride=32))
    """

    _parameter_constraints = {
        "name": [str],
        "weights": [str, None],
        "out_indices": ["array-like", None],
    }

    def __init__(
        self,
        *,
        name: str = "resnet18",
        weights: None = None,
        out_indices: Sequence[int] | None = None,
    ) -> None:
        self.name = name
        self.weights = weights
        self.out_indices = out_indices

    def build(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a fresh network; see `BackboneRecipe.build`."""
        self.check_parameters()
        return _Torchvision(self.name, in_channels, self._chosen())

    def levels(
        self, in_channels: int, image_size: tuple[int, int]
    ) -> tuple[Level, ...]:
        """Return the levels without building; see `BackboneRecipe.levels`."""
        self.check_parameters()
        levels = _plan(self.name).levels
        return tuple(levels[i] for i in self._chosen())

    def check_parameters(self) -> None:
        """Check the parameters, the name of the network included.

        Raises
        ------
        ValueError
            If torchvision does not have the network, if its family is not supported,
            if `weights` is not None, or if a parameter has a wrong type.
        """
        super().check_parameters()
        _check_name(self.name)
        if self.weights is not None:
            raise ValueError(
                f"TorchvisionBackbone got weights={self.weights!r}; only weights=None "
                "(random weights) is supported in this version."
            )

    def _chosen(self) -> tuple[int, ...]:
        """Return the positions of the levels that `out_indices` names, ascending."""
        count = len(_plan(self.name).levels)
        return chosen_levels(
            self.out_indices, count, f"TorchvisionBackbone {self.name}"
        )
