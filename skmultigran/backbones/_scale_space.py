"""The Gaussian scale space: what is bright, edged or blobby at each scale."""

from __future__ import annotations

import math
from numbers import Integral

import torch
from torch import Tensor
from torch.nn import functional

from skmultigran._levels import Level
from skmultigran._registry import register_backbone
from skmultigran._support import Interval, StrOptions
from skmultigran.backbones._autocast import no_autocast
from skmultigran.backbones._base import Backbone, BackboneRecipe
from skmultigran.backbones._n_scales import resolve_n_scales

_MOST_AUTO_SCALES = 5
# Value, gradient and both curvatures of each channel of the image.
_FEATURES = 4
# Standard deviations after which a Gaussian is cut off.
_CUT_OFF = 4
# Variance of the mean of two neighbouring pixels, in pixels.
_VARIANCE_OF_MEAN = 0.25
# Below the square root of this a length counts as zero, where it has no gradient.
_SMALLEST_SQUARE = 1e-30


class _ScaleSpace(Backbone):
    normalisation = ((0.0,), (1.0,))

    def __init__(self, in_channels: int, n_scales: int) -> None:
        super().__init__()
        # A blur of two pixels or more can be sampled at every other one.
        strides = [2 ** max(0, scale - 1) for scale in range(n_scales)]
        self.levels = tuple(Level(_FEATURES * in_channels, s) for s in strides)

    def forward(self, images: Tensor) -> list[Tensor]:
        with no_autocast(images.device):
            images = images.to(torch.promote_types(images.dtype, torch.float32))
            return self._forward(images)

    def _forward(self, images: Tensor) -> list[Tensor]:
        count = images.shape[0]  # len() would fix the size of exported batches
        blurred = images.flatten(0, 1)[:, None]  # (B * C, 1, H, W)
        sigma, stride = 0.0, 1  # of what is there, in pixels of the image
        maps = []
        for scale, level in enumerate(self.levels):
            more = 4.0**scale - sigma**2
            halve = level.stride > stride
            if halve:
                more -= _VARIANCE_OF_MEAN * stride**2
            blurred = _blur(blurred, math.sqrt(more) / stride)
            if halve:
                blurred = functional.avg_pool2d(
                    blurred, 2, ceil_mode=True, count_include_pad=False
                )
            sigma, stride = 2.0**scale, int(level.stride)
            found = _features(blurred, sigma / stride)
            maps.append(found.reshape(count, level.channels, *found.shape[-2:]))
        return maps


def _blur(maps: Tensor, sigma: float) -> Tensor:
    """Return maps `(N, 1, H, W)` behind a Gaussian, their borders repeated."""
    radius = math.ceil(_CUT_OFF * sigma)
    steps = torch.arange(-radius, radius + 1, dtype=maps.dtype, device=maps.device)
    weights = torch.exp(-0.5 * (steps / sigma) ** 2)
    weights = weights / weights.sum()
    maps = functional.pad(maps, (radius, radius, radius, radius), mode="replicate")
    maps = functional.conv2d(maps, weights.reshape(1, 1, 1, -1))
    return functional.conv2d(maps, weights.reshape(1, 1, -1, 1))


def _features(maps: Tensor, sigma: float) -> Tensor:
    """Return value, gradient and curvatures `(N, 4, H, W)` of maps `(N, 1, H, W)`."""
    padded = functional.pad(maps, (1, 1, 1, 1), mode="replicate")
    rows, columns = slice(1, -1), slice(1, -1)
    left, right = padded[..., rows, :-2], padded[..., rows, 2:]
    above, below = padded[..., :-2, columns], padded[..., 2:, columns]
    across, down = (right - left) / 2, (below - above) / 2
    horizontal, vertical = left + right - 2 * maps, above + below - 2 * maps
    falling = padded[..., :-2, :-2] + padded[..., 2:, 2:]
    rising = padded[..., :-2, 2:] + padded[..., 2:, :-2]
    diagonal = (falling - rising) / 4
    mean = (horizontal + vertical) / 2
    off = _length((horizontal - vertical) / 2, diagonal)
    edge = _length(across, down)
    curvatures = [(mean + off) * sigma**2, (mean - off) * sigma**2]
    return torch.cat([maps, edge * sigma, *curvatures], dim=1)


def _length(a: Tensor, b: Tensor) -> Tensor:
    return (a * a + b * b).clamp(min=_SMALLEST_SQUARE).sqrt()


@register_backbone("scale_space")
class ScaleSpaceBackbone(BackboneRecipe):
    """Gaussian scale space, one level per scale; nothing to train.

    Registered as "scale_space".

    The image is blurred by Gaussians of standard deviation 1, 2, 4, ... pixels, and
    each scale gives four features per pixel: the value, the length of the gradient, and
    the larger and the smaller eigenvalue of the Hessian, which distinguish ridges and
    blobs from valleys and saddles [1]_. Derivatives are multiplied by the standard
    deviation to the power of their order, so that their size does not depend on the
    scale [2]_. These are the usual features of interactive pixel classification: strong
    where the colour and the close surroundings of a pixel are decisive.

    Level `j` has standard deviation `2**j` and stride `2**(j - 1)`, at least 1.

    Parameters
    ----------
    n_scales : int or "auto", default="auto"
        Number of scales, and so of levels. "auto": up to a standard deviation of a
        quarter of the shorter side of the image, between 1 and 5 scales.

    Notes
    -----
    Images are used without normalisation, with values in [0, 1], and are extended by
    repeating their border. Channels of a level are grouped by those of the image:
    value, gradient, larger and smaller curvature of the first one, and so on.

    References
    ----------
    .. [1] A. F. Frangi et al., "Multiscale vessel enhancement filtering", MICCAI 1998.
    .. [2] T. Lindeberg, "Feature Detection with Automatic Scale Selection",
       International Journal of Computer Vision 30, 1998.

    Examples
    --------
    >>> from skmultigran import ScaleSpaceBackbone
    >>> for level in ScaleSpaceBackbone().levels(in_channels=1, image_size=(28, 28)):
    ...     print(level)
    Level(channels=4, stride=1)
    Level(channels=4, stride=1)
    Level(channels=4, stride=2)
    """

    fixed = True
    _parameter_constraints = {
        "n_scales": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    }

    def __init__(self, *, n_scales: int | str = "auto") -> None:
        self.n_scales = n_scales

    def build(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a fresh scale space; see `BackboneRecipe.build`."""
        self.check_parameters()
        n_scales = resolve_n_scales(self.n_scales, image_size, _MOST_AUTO_SCALES)
        return _ScaleSpace(in_channels, n_scales)
