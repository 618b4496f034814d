"""The image pyramid: one backbone looks at the image at several scales."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from skmultigran._levels import Level, ceil_size, check_levels
from skmultigran.backbones import Backbone


def rescale(images: Tensor, scale: float) -> Tensor:
    """Return images at a scale of their size, with an anti-aliasing bilinear filter.

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W)
        The images.
    scale : float
        Factor of the size.

    Returns
    -------
    Tensor of shape (B, C, ceil(H * scale), ceil(W * scale))
        The resized images; the same tensor for scale 1.
    """
    if scale == 1:
        return images
    size = ceil_size(images.shape[-2], scale), ceil_size(images.shape[-1], scale)
    return functional.interpolate(
        images, size, mode="bilinear", align_corners=False, antialias=True
    )


def with_own_statistics(backbone: Backbone) -> Backbone:
    """Return a backbone of the same weights whose norms keep statistics of their own.

    An enlarged or reduced image has other statistics than the image itself. In training
    a batch norm uses those of the batch, so with one set of running statistics for all
    scales, prediction would use a mixture that fits none.

    Parameters
    ----------
    backbone : Backbone
        The backbone that gives its weights.

    Returns
    -------
    Backbone
        A module that shares all parameters, and all buffers but the statistics of batch
        norms; the same module if there are none.
    """
    statistics = {
        id(buffer)
        for module in backbone.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        for buffer in module.buffers(recurse=False)
    }
    if not statistics:
        return backbone
    tensors = [*backbone.parameters(), *backbone.buffers()]
    shared = {id(tensor): tensor for tensor in tensors if id(tensor) not in statistics}
    return copy.deepcopy(backbone, shared)


class ImagePyramid(nn.Module):
    """A backbone shared by all scales of the image.

    The weights are shared; the running statistics of batch norms are kept per scale.

    A granularity is one level of the backbone at one scale. They are sorted from fine
    to coarse: by stride in pixels of the original image, then, for equal strides, by
    falling scale.

    Parameters
    ----------
    backbone : Backbone
        The shared backbone.
    scales : sequence of float
        Factors of the image's size.

    Attributes
    ----------
    granularities : tuple of str
        Names such as "s1.00_l2", fine to coarse.
    levels : tuple of Level
        Levels of the maps, with strides in pixels of the original image.
    computing_order : tuple of int
        Positions of the granularities in an order in which a look at the image may end
        early: the coarsest scale first, and of each scale one level after the other.
    """

    def __init__(self, backbone: Backbone, scales: Sequence[float]) -> None:
        super().__init__()
        self.scales = tuple(float(scale) for scale in scales)
        others = (with_own_statistics(backbone) for _ in self.scales[1:])
        self.backbones = nn.ModuleList([backbone, *others])
        found = sorted(
            (level.stride / scale, -scale, position, level.channels)
            for scale in self.scales
            for position, level in enumerate(backbone.levels)
        )
        self._order = [(-negative, position) for _, negative, position, _ in found]
        self.computing_order = tuple(
            sorted(range(len(found)), key=lambda position: self._order[position])
        )
        self.granularities = tuple(f"s{s:.2f}_l{p}" for s, p in self._order)
        self.levels = check_levels(
            [Level(channels, stride) for stride, _, _, channels in found],
            "ImagePyramid",
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of all granularities.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            Normalised images.

        Returns
        -------
        list of Tensor of shape (B, C_l, H_l, W_l)
            Fine to coarse, as `granularities` names them.
        """
        maps = {
            scale: backbone(rescale(images, scale))
            for scale, backbone in zip(self.scales, self.backbones, strict=True)
        }
        return [maps[scale][position] for scale, position in self._order]

    def next_map(
        self, granularity: int, images: Tensor, carried: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the map of one granularity; they are asked for in `computing_order`.

        Parameters
        ----------
        granularity : int
            Position of the granularity.
        images : Tensor of shape (B, C, H, W)
            Normalised images.
        carried : tuple of Tensor
            What the call before returned; at the first level of a scale any.

        Returns
        -------
        map : Tensor of shape (B, C_l, H_l, W_l)
            The map, as `forward` returns it.
        carried : tuple of Tensor
            For the next granularity; the first axis of each is that of the images.
        """
        scale, level = self._order[granularity]
        if level == 0:
            carried = (rescale(images, scale),)
        size = ceil_size(images.shape[-2], scale), ceil_size(images.shape[-1], scale)
        backbone = cast(Backbone, self.backbones[self.scales.index(scale)])
        return backbone.next_level(level, carried, size)
