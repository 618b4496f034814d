"""Anti-aliased resizing: letterbox, stretch, crop."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

RESIZES = ("letterbox", "stretch", "crop")

# Mid-grey, for bytes and for values in [0, 1].
_BORDERS = {torch.uint8: 128.0}
_BORDER = 0.5


def resize_images(
    images: Tensor, size: tuple[int, int], resize: str = "letterbox"
) -> Tensor:
    """Return images of the given size.

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W)
        Images with values in [0, 1], or bytes.
    size : tuple of int
        The new `(height, width)`.
    resize : {"letterbox", "stretch", "crop"}, default="letterbox"
        "letterbox": the whole image, its aspect kept, centred on mid-grey. "stretch":
        the whole image, the aspect lost. "crop": the aspect kept, what does not fit cut
        off equally on both sides.

    Returns
    -------
    Tensor of shape (B, C, *size)
        The images, resized with an anti-aliasing bilinear filter, of the same type; the
        same tensor when the size is right already.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.images import resize_images
    >>> resize_images(torch.zeros(1, 3, 10, 20), (8, 8))[0, 0, :, 0]
    tensor([0.5000, 0.5000, 0.0000, 0.0000, 0.0000, 0.0000, 0.5000, 0.5000])
    """
    height, width = images.shape[-2:]
    if (height, width) == tuple(size):
        return images
    if resize == "stretch":
        return _interpolate(images, size)
    inner, (top, left) = placement((height, width), size, resize)
    resized = _interpolate(images, inner)
    # Negative padding cuts, so that one call serves both.
    right, bottom = size[1] - inner[1] - left, size[0] - inner[0] - top
    border = _BORDERS.get(images.dtype, _BORDER)
    return functional.pad(resized, (left, right, top, bottom), value=border)


def placement(
    image_size: tuple[int, int], size: tuple[int, int], resize: str
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where an image lies within what it is resized to.

    Parameters
    ----------
    image_size : tuple of int
        `(height, width)` of the image.
    size : tuple of int
        The new `(height, width)`.
    resize : {"letterbox", "stretch", "crop"}
        How it is resized.

    Returns
    -------
    inner : tuple of int
        `(height, width)` of the whole image after resizing.
    corner : tuple of int
        Its top and left; negative where it is cut.
    """
    if resize == "stretch":
        return (size[0], size[1]), (0, 0)
    height, width = image_size
    ratios = size[0] / height, size[1] / width
    ratio = min(ratios) if resize == "letterbox" else max(ratios)
    inner = max(1, round(height * ratio)), max(1, round(width * ratio))
    return inner, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2)


def _interpolate(images: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(
        images, size, mode="bilinear", align_corners=False, antialias=True
    )
