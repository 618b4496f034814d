"""The convolutional networks of timm, as pyramids of their own maps."""

from __future__ import annotations

import difflib
import functools
import os
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
)
from skmultigran.backbones._pretrained import PretrainedRecipe
from skmultigran.backbones._weights import (
    fetching,
    path_of,
    read_weights,
    spread_normalisation,
)


def _timm(caller: str) -> ModuleType:
    return import_optional("timm", caller=caller, extra="pretrained")


class _NotAChainError(Exception):
    """A network whose forward is more than one module after the other."""


def _network(name: str, in_channels: int, caller: str) -> nn.Module:
    """Return a fresh network of timm without its classifier."""
    with ListsHaveData():
        return _timm(caller).create_model(name, num_classes=0, in_chans=in_channels)


def _unrolled(module: nn.Module, prefix: str = "") -> list[NamedStep]:
    """Return the children of a module, and in the place of a sequence its members."""
    steps: list[NamedStep] = []
    for name, child in module.named_children():
        if type(child) is nn.Sequential:
            steps.extend(_unrolled(child, f"{prefix}{name}."))
        else:
            steps.append((prefix + name, child))
    return steps


class _Walk:
    """What happened while a network looked at an image, step by step."""

    def __init__(self, network: nn.Module) -> None:
        self.names: list[str] = []
        self.maps: list[Tensor] = []
        self._network = network
        self._last = torch.empty(1, 3, *PROBE_SIZE)
        # How often each step's map had been written to when the step was done.
        self._versions: list[int] = []

    def run(self) -> None:
        """Look at an image; raise an error if the steps are not all that happens."""
        handles = []
        for name, step in _unrolled(self._network):
            before = functools.partial(self._before, name)
            after = functools.partial(self._after, name)
            handles.append(step.register_forward_pre_hook(before))
            handles.append(step.register_forward_hook(after))
        forward_features: Any = self._network.forward_features
        self._check(forward_features(self._last), "the end")
        for handle in handles:
            handle.remove()

    def is_kept(self, step: int) -> bool:
        """Return whether no later step has written to the map of this one."""
        return self.maps[step]._version == self._versions[step]

    def _check(self, map_: object, place: str) -> None:
        # Where the network does something itself between two steps, the next one gets
        # another tensor, or one that was written to.
        if map_ is not self._last or (self.maps and not self.is_kept(-1)):
            raise _NotAChainError(f"something happens between steps, before {place}")

    def _before(self, name: str, step: nn.Module, args: tuple[Any, ...]) -> None:
        self._check(args[0] if len(args) == 1 else None, name)

    def _after(
        self, name: str, step: nn.Module, args: tuple[Any, ...], output: Any
    ) -> None:
        if not isinstance(output, Tensor) or output.ndim != 4 or name in self.names:
            raise _NotAChainError(f"{name} does not give one map (B, C, H, W)")
        self._last = output
        self.names.append(name)
        self.maps.append(output)
        self._versions.append(output._version)


def _ends(network: nn.Module, walk: _Walk) -> list[int]:
    """Return the number of steps up to the end of each level.

    timm tells channels and stride of each level; its last step of that shape ends it.
    What follows the last one, such as the convolution before EfficientNet's
    classifier, makes a level of its own.
    """
    feature_info: Any = network.feature_info
    ends = []
    for info in feature_info:
        shape = info["num_chs"], PROBE_SIZE[0] // info["reduction"]
        fitting = [i for i, m in enumerate(walk.maps) if tuple(m.shape[1:3]) == shape]
        if not fitting:
            raise _NotAChainError(f"no step ends the level {info['module']}")
        ends.append(fitting[-1] + 1)
    rest = walk.names[ends[-1] :]
    if any(not isinstance(network.get_submodule(name), nn.Identity) for name in rest):
        ends.append(len(walk.names))
    if ends != sorted(set(ends)):
        raise _NotAChainError("its levels do not follow each other")
    if not all(walk.is_kept(end - 1) for end in ends):
        raise _NotAChainError("the map of a level is written to behind it")
    return ends


def _takes_one_pixel(network: nn.Module) -> bool:
    forward_features: Any = network.forward_features
    try:
        forward_features(torch.empty(1, 3, 1, 1))
    except (RuntimeError, ValueError):
        return False
    return True


@functools.cache
def _plan(name: str) -> tuple[Plan, tuple[str, ...]]:
    """Return the plan of a network and its steps' names, from a pass without data."""
    with torch.device("meta"), torch.no_grad():
        network = _network(name, 3, "TimmBackbone").eval()
        walk = _Walk(network)
        walk.run()
        ends = _ends(network, walk)
        maps = [walk.maps[end - 1] for end in ends]
        levels = tuple(
            Level(map_.shape[1], PROBE_SIZE[0] // map_.shape[2]) for map_ in maps
        )
        rounds_up = _takes_one_pixel(network) and all(
            level.map_size(PROBE_SIZE) == tuple(map_.shape[2:])
            for level, map_ in zip(levels, maps, strict=True)
        )
    return Plan(levels, tuple(ends), rounds_up), tuple(walk.names)


def _checked_plan(name: str, caller: str) -> tuple[Plan, tuple[str, ...]]:
    timm = _timm(caller)
    # timm itself would take "resnet18.a1_in1k"; here the tag belongs to `weights`.
    if "." in name or not timm.is_model(name):
        base, _, tag = name.partition(".")
        known = timm.list_models()
        nearest = difflib.get_close_matches(base, known, n=1, cutoff=0.0)[0]
        hint = f" Pass the tag as weights={tag!r}." if tag else ""
        raise ValueError(
            f"{caller} got name={name!r}, which timm does not have. Did you mean "
            f"{nearest!r}?{hint}"
        )
    try:
        return _plan(name)
    except Exception as error:
        raise ValueError(
            f"{caller} got name={name!r}, a network without a pyramid of maps that it "
            f"can read ({type(error).__name__}: {error}). Choose a convolutional "
            "network, such as 'efficientnet_b0', 'resnet18' or 'convnext_tiny'."
        ) from error


def timm_levels(
    name: str, out_indices: Sequence[int] | None, caller: str
) -> tuple[Level, ...]:
    """Return the levels of a network of timm.

    Parameters
    ----------
    name : str
        Name of the network.
    out_indices : sequence of int or None
        As in `TimmBackbone`.
    caller : str
        Who asks, for messages.

    Returns
    -------
    tuple of Level
        The levels, from fine to coarse.
    """
    plan, _ = _checked_plan(name, caller)
    chosen = chosen_levels(out_indices, len(plan.levels), caller)
    return tuple(plan.levels[i] for i in chosen)


def timm_skeleton(
    name: str,
    in_channels: int,
    out_indices: Sequence[int] | None,
    normalisation: Normalisation | None,
    caller: str,
) -> ChainBackbone:
    """Return a network of timm with random weights as a backbone.

    Parameters
    ----------
    name : str
        Name of the network.
    in_channels : int
        Number of channels of the images.
    out_indices : sequence of int or None
        As in `TimmBackbone`.
    normalisation : tuple or None
        As `Backbone.normalisation`.
    caller : str
        Who asks, for messages.

    Returns
    -------
    ChainBackbone
        The backbone.
    """
    plan, names = _checked_plan(name, caller)
    chosen = chosen_levels(out_indices, len(plan.levels), caller)
    network = _network(name, in_channels, caller)
    steps = [(step, network.get_submodule(step)) for step in names]
    return ChainBackbone(steps, plan, chosen, normalisation)


@register_backbone("timm")
class TimmBackbone(PretrainedRecipe):
    """Convolutional network of timm, without its classifier.

    Registered as "timm".

    The levels are those that timm lists for the network [1]_, usually of strides 2, 4,
    8, 16 and 32. If the network has further layers before its classifier, as
    EfficientNet has, their map is one more level, of the same stride as the one before.
    Requires the package timm: `pip install 'skmultigran[pretrained]'`.

    Parameters
    ----------
    name : str, default="efficientnet_b0"
        Name of the network in timm, without a tag. Networks whose features are a chain
        of modules are supported: convnext, densenet, efficientnet, mobilenet, regnet,
        resnet and many more. Others, such as vision transformers, raise an error.
    weights : str, path or None, default=None
        Initial weights. None: random weights, initialised by timm; nothing is
        downloaded. "DEFAULT": the first weights that timm lists for this network.
        Another name: the weights with this tag, such as "in1k"; timm downloads them
        once and caches them. A path ending in `.pth`, `.pt` or `.safetensors`: a file
        with the state dict of timm's network, with or without its classifier.
    out_indices : sequence of int or None, default=None
        Positions of the levels to return, from fine to coarse; negative numbers count
        from the end. None: all. Layers after the last of them are not built.

    Notes
    -----
    Images are normalised as timm specifies for the weights (for a file, for the default
    weights of the network); without weights, by the training images.

    For images with one channel the first kernel is summed over red, green and blue. For
    two, or for four or more channels, its three parts are repeated in turn and scaled
    by `3 / channels`. Mean and standard deviation are then the averages of the three
    values. If these are equal, a grey image gives the same features as its copy in
    three channels, otherwise nearly the same.

    For networks that round the sizes of their maps down, or have no map of a tiny
    image, images are extended by repeated border pixels at the bottom and the right, to
    a multiple of the stride of the coarsest level; the maps are cropped. So each map
    has size `ceil(size / stride)`.

    Files are read as tensors only; Python objects in them are refused. A fitted
    estimator contains its weights and needs neither the file nor a download.

    References
    ----------
    .. [1] R. Wightman, "PyTorch Image Models", 2019,
       https://github.com/huggingface/pytorch-image-models.

    Examples
    --------
    >>> from skmultigran import TimmBackbone
    >>> backbone = TimmBackbone(name="efficientnet_b0", out_indices=(1, -2, -1))
    >>> for level in backbone.levels(in_channels=3, image_size=(64, 64)):
    ...     print(level)
    Level(channels=24, stride=4)
    Level(channels=320, stride=32)
    Level(channels=1280, stride=32)
    """

    _parameter_constraints = {
        "name": [str],
        "weights": [str, os.PathLike, None],
        "out_indices": ["array-like", None],
    }

    def __init__(
        self,
        *,
        name: str = "efficientnet_b0",
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
        return timm_skeleton(
            self.name,
            in_channels,
            self.out_indices,
            self._normalisation(in_channels),
            self._caller(),
        )

    def levels(
        self, in_channels: int, image_size: tuple[int, int]
    ) -> tuple[Level, ...]:
        """Return the levels without building; see `BackboneRecipe.levels`."""
        self.check_parameters()
        return timm_levels(self.name, self.out_indices, self._caller())

    def check_parameters(self) -> None:
        """Check the parameters, including the names of network and weights.

        Raises
        ------
        ValueError
            If timm does not have the network or the weights, if the network is no chain
            of modules, or if a parameter has a wrong type.
        """
        super().check_parameters()
        _checked_plan(self.name, self._caller())
        if self.weights is not None and path_of(self.weights) is None:
            self._tagged_name()

    def _caller(self) -> str:
        return f"TimmBackbone {self.name}"

    def _tagged_name(self) -> str:
        """Return timm's name of the network with these weights."""
        known = _timm(self._caller()).list_pretrained(f"{self.name}.*")
        if self.weights == "DEFAULT" and known:
            return self.name
        tagged = f"{self.name}.{self.weights}"
        if tagged not in known:
            tags = [name.partition(".")[2] for name in known]
            choice = ["DEFAULT", *tags] if tags else []
            raise ValueError(
                f"{self._caller()} got weights={self.weights!r}, which timm does not "
                f"have. It has {choice}; else pass the path of a file that ends in "
                ".pth, .pt or .safetensors."
            )
        return tagged

    def _normalisation(self, in_channels: int) -> Normalisation | None:
        if self.weights is None:
            return None
        by_name = path_of(self.weights) is None
        name = self._tagged_name() if by_name else self.name
        config = _timm(self._caller()).get_pretrained_cfg(name)
        return spread_normalisation(config.mean, config.std, in_channels)

    def _state(self, backbone: ChainBackbone) -> tuple[str, Mapping[str, Tensor]]:
        shown = f"weights={str(self.weights)!r}"
        path = path_of(self.weights)
        if path is not None:
            return shown, read_weights(path, self._caller())
        with fetching(self.weights, self._caller()):
            network = _timm(self._caller()).create_model(
                self._tagged_name(), pretrained=True
            )
        return shown, network.state_dict()
