"""The convolutional networks of torchvision, as pyramids of their own maps."""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from skmultigran._levels import Level
from skmultigran._registry import register_backbone
from skmultigran._support import import_optional
from skmultigran.backbones._base import Normalisation, chosen_levels
from skmultigran.backbones._chain import (
    PROBE_SIZE,
    ChainBackbone,
    ListsHaveData,
    NamedStep,
    Plan,
    first_convolution,
)
from skmultigran.backbones._pretrained import PretrainedRecipe
from skmultigran.backbones._weights import (
    fetching,
    path_of,
    read_weights,
    spread_normalisation,
)

_FAMILIES = {
    "convnext": ("convnext",),
    "densenet": ("densenet",),
    "efficientnet": ("efficientnet",),
    "mobilenet": ("mobilenet",),
    "regnet": ("regnet",),
    "resnet": ("resnet", "resnext", "wide_resnet"),
    "shufflenet": ("shufflenet",),
}


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


def _steps(name: str) -> list[NamedStep]:
    """Return the modules of a fresh network in their order, without its classifier."""
    with ListsHaveData():
        # One class: the classifier is dropped, so it should not cost memory.
        network = _models().get_model(name, weights=None, num_classes=1)
    if hasattr(network, "features"):
        steps = _children(network.features, "features.")
        # DenseNet applies its last activation in its forward, not as a module.
        return [*steps, ("relu", nn.ReLU())] if name.startswith("densenet") else steps
    steps = []
    for child_name, child in network.named_children():
        if child_name == "trunk_output":
            steps.extend(_children(child, "trunk_output."))
        elif child_name not in ("avgpool", "fc"):
            steps.append((child_name, child))
    return steps


def _children(module: nn.Module, prefix: str) -> list[NamedStep]:
    return [(prefix + name, child) for name, child in module.named_children()]


@functools.cache
def _plan(name: str) -> Plan:
    """Return the plan of a network, from one pass without data."""
    with torch.device("meta"), torch.no_grad():
        map_ = torch.empty(1, 3, *PROBE_SIZE)
        levels: list[Level] = []
        ends: list[int] = []
        rounds_up = True
        for i, (_, step) in enumerate(_steps(name)):
            map_ = step.eval()(map_)
            level = Level(map_.shape[1], PROBE_SIZE[0] // map_.shape[2])
            rounds_up &= level.map_size(PROBE_SIZE) == tuple(map_.shape[-2:])
            if levels and levels[-1].stride == level.stride:
                levels.pop()
                ends.pop()
            levels.append(level)
            ends.append(i + 1)
    return Plan(tuple(levels), tuple(ends), rounds_up)


def _renew_first_convolution(stage: nn.Module, in_channels: int) -> None:
    """Replace the first convolution by a fresh one for images of `in_channels`."""
    name, old = first_convolution(stage)
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


def _with_numbers_joined(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return DenseNet's weights under today's names: published ones say `norm.1`."""
    return {
        re.sub(r"\.(norm|conv)\.([12])\.", r".\1\2.", key): value
        for key, value in state.items()
    }


@register_backbone("torchvision")
class TorchvisionBackbone(PretrainedRecipe):
    """Convolutional network of torchvision, without its classifier.

    Registered as "torchvision".

    The last map of each stride is a level, so most networks have levels of strides
    2, 4, 8, 16 and 32 [1]_. The families are convnext, densenet, efficientnet,
    mobilenet, regnet, resnet (with resnext and wide_resnet) and shufflenet.

    Parameters
    ----------
    name : str, default="resnet18"
        Name of the network in `torchvision.models`.
    weights : str, path or None, default=None
        Initial weights. None: random weights, initialised by torchvision; nothing is
        downloaded. A name that torchvision has for this network, such as "DEFAULT" or
        "IMAGENET1K_V1": those weights, which torchvision downloads once and caches. A
        path ending in `.pth`, `.pt` or `.safetensors`: a file with the state dict of
        the network, with or without its classifier.
    out_indices : sequence of int or None, default=None
        Positions of the levels to return, from fine to coarse; negative numbers count
        from the end. None: all. Layers after the last of them are not built.

    Notes
    -----
    Images are normalised as the weights require (for a file, as the default weights of
    the network do); without weights, by the training images.

    For images with one channel the first kernel is summed over red, green and blue. For
    two, or for four or more channels, its three parts are repeated in turn and scaled
    by `3 / channels`. Mean and standard deviation are then the averages of the three
    values. Those of ImageNet differ between colours, so the features of a grey image
    are nearly, but not exactly, those of its copy in three channels. Without weights
    the first convolution is rebuilt with PyTorch's default initialisation.

    convnext and densenet round the sizes of their maps down. Their images are extended
    by repeated border pixels at the bottom and the right, to a multiple of the stride
    of the coarsest level, and the maps are cropped: each has size
    `ceil(size / stride)`. Images whose size already is a multiple are processed exactly
    as in torchvision.

    The last map is the one that the classifier of the network averages. convnext
    applies its last norm after that average, so it is not part of the map.

    Files are read as tensors only; Python objects in them are refused. A fitted
    estimator contains its weights and needs neither the file nor a download.

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
        "weights": [str, os.PathLike, None],
        "out_indices": ["array-like", None],
    }

    def __init__(
        self,
        *,
        name: str = "resnet18",
        weights: str | os.PathLike[str] | None = None,
        out_indices: Sequence[int] | None = None,
    ) -> None:
        self.name = name
        self.weights = weights
        self.out_indices = out_indices

    @property
    def pretrained(self) -> bool:  # type: ignore[override]
        """Whether there are weights; see `BackboneRecipe.pretrained`."""
        return self.weights is not None

    def skeleton(self, in_channels: int, image_size: tuple[int, int]) -> ChainBackbone:
        """Return a network with random weights; see `BackboneRecipe.skeleton`."""
        self.check_parameters()
        backbone = ChainBackbone(
            _steps(self.name),
            _plan(self.name),
            self._chosen(),
            self._normalisation(in_channels),
        )
        if in_channels != 3:
            _renew_first_convolution(backbone.stages[0], in_channels)
        return backbone

    def levels(
        self, in_channels: int, image_size: tuple[int, int]
    ) -> tuple[Level, ...]:
        """Return the levels without building; see `BackboneRecipe.levels`."""
        self.check_parameters()
        levels = _plan(self.name).levels
        return tuple(levels[i] for i in self._chosen())

    def check_parameters(self) -> None:
        """Check the parameters, including the names of network and weights.

        Raises
        ------
        ValueError
            If torchvision does not have the network or the weights, if the network's
            family is not supported, or if a parameter has a wrong type.
        """
        super().check_parameters()
        _check_name(self.name)
        if self.weights is not None and path_of(self.weights) is None:
            self._entry()

    def _chosen(self) -> tuple[int, ...]:
        """Return the positions of the levels that `out_indices` names, ascending."""
        count = len(_plan(self.name).levels)
        return chosen_levels(self.out_indices, count, self._caller())

    def _caller(self) -> str:
        return f"TorchvisionBackbone {self.name}"

    def _entry(self) -> Any:
        """Return torchvision's entry for the weights, for a file the default one."""
        known = _models().get_model_weights(self.name)
        wanted = self.weights if path_of(self.weights) is None else "DEFAULT"
        if wanted not in known.__members__:
            raise ValueError(
                f"{self._caller()} got weights={self.weights!r}, which torchvision "
                f"does not have. It has {sorted(known.__members__)}; else pass the "
                "path of a file that ends in .pth, .pt or .safetensors."
            )
        return known[wanted]

    def _normalisation(self, in_channels: int) -> Normalisation | None:
        if self.weights is None:
            return None
        preset = self._entry().transforms()
        return spread_normalisation(preset.mean, preset.std, in_channels)

    def _state(self, backbone: ChainBackbone) -> tuple[str, Mapping[str, Tensor]]:
        path = path_of(self.weights)
        if path is not None:
            state = read_weights(path, self._caller())
        else:
            with fetching(self.weights, self._caller()):
                state = self._entry().get_state_dict(
                    progress=False,
                    check_hash=True,
                    map_location="cpu",
                    weights_only=True,
                )
        if self.name.startswith("densenet"):
            state = _with_numbers_joined(state)
        return f"weights={str(self.weights)!r}", state
