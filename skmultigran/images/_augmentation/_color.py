"""Brightness, contrast and saturation, changed a little for each image."""

from __future__ import annotations

from torch import Generator, Tensor

from skmultigran.images._augmentation._draws import uniform

_LARGEST_CHANGE = 0.3
# How bright the eye finds red, green and blue: ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)


def color(images: Tensor, generator: Generator) -> Tensor:
    """Change brightness and contrast, and of three channels the saturation too."""
    low, high = 1 - _LARGEST_CHANGE, 1 + _LARGEST_CHANGE
    brightness, contrast, saturation = uniform(
        low, high, (3, len(images), 1, 1, 1), generator, images
    )
    limits = _limits(images)
    changed = (images * brightness).clamp(*limits)
    mean = _grey(changed).mean(dim=(1, 2, 3), keepdim=True)
    changed = mean.lerp(changed, contrast).clamp(*limits)
    if images.shape[1] == len(_LUMA):
        changed = _grey(changed).lerp(changed, saturation).clamp(*limits)
    return changed


def _limits(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return 0 and 1, or what an image with other values has, `(B, 1, 1, 1)` each."""
    pixels = (1, 2, 3)
    return (
        images.amin(dim=pixels, keepdim=True).clamp(max=0),
        images.amax(dim=pixels, keepdim=True).clamp(min=1),
    )


def _grey(images: Tensor) -> Tensor:
    """Return the brightness of each pixel, `(B, 1, H, W)`."""
    if images.shape[1] != len(_LUMA):
        return images.mean(dim=1, keepdim=True)
    return (images * images.new_tensor(_LUMA)[:, None, None]).sum(dim=1, keepdim=True)
