"""The image pyramid: one backbone looks at the image at several scales."""

from __future__ import annotations

from collections.abc import Sequence

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


class ImagePyramid(nn.Module):
    """A backbone shared by all scales of the image.

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
    """

    def __init__(self, backbone: Backbone, scales: Sequence[float]) -> None:
        super().__init__()
        self.backbone = backbone
        self.scales = tuple(float(scale) for scale in scales)
        found = sorted(
            (level.stride / scale, -scale, position, level.channels)
            for scale in self.scales
            for position, level in enumerate(backbone.levels)
        )
        self._order = [(-negative, position) for _, negative, position, _ in found]
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
        maps = {scale: self.backbone(rescale(images, scale)) for scale in self.scales}
        return [maps[scale][position] for scale, position in self._order]
