"""A small residual pyramid, trained from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor, nn

from skmultigran._levels import Level
from skmultigran._registry import register_backbone
from skmultigran._support import Interval, StrOptions
from skmultigran.backbones._base import (
    Backbone,
    BackboneRecipe,
    all_levels,
    chosen_levels,
    stages_of_level,
)

# Wider where the stem leaves a quarter of the pixels or less: as quick, and better.
_AUTO_WIDTHS = {1: (16, 32, 64, 128), 2: (32, 64, 128, 256)}
# float32 in 512 bits.
_CHANNELS_OF_A_VECTOR = 16


def _auto_stem_stride(image_size: tuple[int, int]) -> int:
    """Return the stem's stride, of which larger images get a larger one."""
    longer = max(image_size)
    return 1 if longer <= 16 else 2 if longer <= 96 else 4


def _auto_widths(image_size: tuple[int, int], stem_stride: int) -> tuple[int, ...]:
    """Return the widths of as many stages as leave a last map of some 2 to 7 pixels."""
    stages = 3
    while max(image_size) / (stem_stride * 2 ** (stages - 1)) > 8 and stages < 4:
        stages += 1
    return _AUTO_WIDTHS[min(stem_stride, 2)][:stages]


class _ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut (He et al. 2016, arXiv 1512.03385)."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        )
        self.last_norm = nn.BatchNorm2d(channels)
        self.shortcut = (
            nn.Identity()
            if in_channels == channels and stride == 1
            else nn.Sequential(
                *_strided_pointwise(in_channels, channels, stride),
                nn.BatchNorm2d(channels),
            )
        )

    def forward(self, map_: Tensor) -> Tensor:
        return torch.relu(self.last_norm(self.residual(map_)) + self.shortcut(map_))


def _strided_pointwise(in_channels: int, channels: int, stride: int) -> list[nn.Module]:
    """Return a 1 x 1 convolution with a stride, in one step or in two.

    With a stride and fewer channels than a vector of the processor holds, the gradient
    of the weights writes beyond its memory, and a fit may end the process:
    https://github.com/uxlfoundation/oneDNN/issues/6035.
    """
    if stride == 1 or in_channels >= _CHANNELS_OF_A_VECTOR:
        return [nn.Conv2d(in_channels, channels, 1, stride, bias=False)]
    # A window of one pixel takes every pixel that the stride meets, as it is.
    return [nn.MaxPool2d(1, stride), nn.Conv2d(in_channels, channels, 1, bias=False)]


class _ConvNet(Backbone):
    def __init__(
        self,
        in_channels: int,
        widths: Sequence[int],
        depth: int,
        stem_stride: int,
        chosen: Sequence[int],
        zero_init_residual: bool,
    ) -> None:
        super().__init__()
        self.chosen = tuple(chosen)
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, widths[0], 3, stem_stride, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        before = (widths[0], *widths[:-1])
        self.stages = nn.ModuleList(
            _stage(before[i], width, depth, stride=1 if i == 0 else 2)
            # Stages behind the last level that is wanted are not built.
            for i, width in enumerate(widths[: self.chosen[-1] + 1])
        )
        self.levels = tuple(Level(widths[i], stem_stride * 2**i) for i in self.chosen)
        self.apply(_initialise)
        if zero_init_residual:
            self.apply(_silence)

    def forward(self, images: Tensor) -> list[Tensor]:
        return all_levels(self, images)

    def next_level(
        self, position: int, carried: tuple[Tensor, ...], size: tuple[int, int]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return one map, and itself for the next; see `Backbone.next_level`."""
        (map_,) = carried
        if position == 0:
            map_ = self.stem(map_)  # (B, widths[0], H / stem_stride, W / stem_stride)
        for stage in stages_of_level(self.stages, self.chosen, position):
            map_ = stage(map_)
        return map_, (map_,)

    def parts(self) -> list[nn.Module]:
        """Return the stages, the stem within the first; see `Backbone.parts`."""
        first, *rest = self.stages
        return [nn.Sequential(self.stem, first), *rest]


def _stage(in_channels: int, channels: int, depth: int, stride: int) -> nn.Sequential:
    first = _ResidualBlock(in_channels, channels, stride)
    rest = [_ResidualBlock(channels, channels, 1) for _ in range(depth - 1)]
    return nn.Sequential(first, *rest)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _silence(module: nn.Module) -> None:
    """Let a residual block start as its shortcut (arXiv 1706.02677)."""
    if isinstance(module, _ResidualBlock):
        nn.init.zeros_(module.last_norm.weight)


@register_backbone("convnet")
class ConvNetBackbone(BackboneRecipe):
    """Small residual network, trained from scratch, one level per stage.

    Registered as "convnet".

    A 3 x 3 stem and stages of residual blocks [1]_; each stage after the first halves
    the map, so the levels have strides `stem_stride * (1, 2, 4, ...)`.

    Parameters
    ----------
    widths : sequence of int or "auto", default="auto"
        Channels of each stage. "auto": (32, 64, 128), halved if the stem has stride 1,
        and one more stage if the last map would still be larger than 8 pixels.
    depth : int, default=1
        Residual blocks per stage.
    stem_stride : int or "auto", default="auto"
        Stride of the first convolution. "auto": 1 for images of up to 16 pixels, 2 up
        to 96, else 4.
    out_indices : sequence of int or None, default=None
        Stages whose maps are used as levels, counted from the finest; negative numbers
        count from the coarsest. None: all.
    zero_init_residual : bool, default=True
        Whether each block starts as an identity shortcut [2]_, which makes the first
        steps stable. False: blocks combine neighbouring pixels from the first step and
        learn larger structures sooner.

    References
    ----------
    .. [1] K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016,
       arXiv 1512.03385.
    .. [2] P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1
       Hour", 2017, arXiv 1706.02677.

    Examples
    --------
    >>> from skmultigran import ConvNetBackbone
    >>> ConvNetBackbone(widths=(16, 32)).levels(in_channels=1, image_size=(8, 8))
    (Level(channels=16, stride=1), Level(channels=32, stride=2))
    """

    _parameter_constraints = {
        "widths": ["array-like", StrOptions({"auto"})],
        "depth": [Interval(Integral, 1, None, closed="left")],
        "stem_stride": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "out_indices": ["array-like", None],
        "zero_init_residual": ["boolean"],
    }

    def __init__(
        self,
        *,
        widths: Sequence[int] | str = "auto",
        depth: int = 1,
        stem_stride: int | str = "auto",
        out_indices: Sequence[int] | None = None,
        zero_init_residual: bool = True,
    ) -> None:
        self.widths = widths
        self.depth = depth
        self.stem_stride = stem_stride
        self.out_indices = out_indices
        self.zero_init_residual = zero_init_residual

    def build(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a fresh network; see `BackboneRecipe.build`."""
        self.check_parameters()
        stem_stride = (
            _auto_stem_stride(image_size)
            if isinstance(self.stem_stride, str)
            else self.stem_stride
        )
        widths = self._widths(image_size, stem_stride)
        chosen = chosen_levels(self.out_indices, len(widths), "ConvNetBackbone")
        return _ConvNet(
            in_channels,
            widths,
            self.depth,
            stem_stride,
            chosen,
            self.zero_init_residual,
        )

    def _widths(self, image_size: tuple[int, int], stem_stride: int) -> tuple[int, ...]:
        if isinstance(self.widths, str):
            return _auto_widths(image_size, stem_stride)
        widths = tuple(self.widths)
        if not widths or not all(isinstance(w, Integral) and w > 0 for w in widths):
            raise ValueError(
                f"ConvNetBackbone got widths={self.widths!r}; it must be a sequence of "
                "positive integers, one per stage, such as (32, 64, 128)."
            )
        return tuple(int(width) for width in widths)
