"""What ONNX has no operator for, in terms of what it has.

Sizes are known when a network is exported; the number of images is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def grid_maxima(maps: Tensor, cells: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the largest value of each cell of a grid, as adaptive max pooling does.

    Parameters
    ----------
    maps : Tensor of shape (B, C, H, W)
        The maps.
    cells : sequence of int
        `(rows, columns)` of the grid.

    Returns
    -------
    maxima : Tensor of shape (B, C, rows, columns)
        The values.
    indices : Tensor of the same shape
        Zeros: where they stand is used for gradients alone.
    """
    for axis, count in zip((-2, -1), cells, strict=True):
        parts = [
            maps.narrow(axis, start, stop - start).amax(axis, keepdim=True)
            for start, stop in _bounds(maps.shape[axis], count)
        ]
        maps = torch.cat(parts, dim=axis)
    return maps, torch.zeros_like(maps, dtype=torch.int64)


def _bounds(length: int, count: int) -> list[tuple[int, int]]:
    return [(k * length // count, -(-(k + 1) * length // count)) for k in range(count)]


def resized(
    images: Tensor, size: Sequence[int], align_corners: bool, *factors: float | None
) -> Tensor:
    """Return images resized by the anti-aliasing bilinear filter.

    The filter is linear along each axis, so it is a product of matrices, whose columns
    are what torch makes of an image with a single bright pixel.

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W)
        The images.
    size : sequence of int
        Their new `(height, width)`.
    align_corners : bool
        As `torch.nn.functional.interpolate` has it.
    *factors : float or None
        Factors of the size; the sizes say them already.

    Returns
    -------
    Tensor of shape (B, C, height, width)
        The resized images.
    """
    rows, columns = (
        functional.interpolate(
            torch.eye(before)[None, None],
            (after, before),
            mode="bilinear",
            align_corners=align_corners,
            antialias=True,
        )[0, 0]
        for before, after in zip(images.shape[-2:], size, strict=True)
    )
    return rows @ images @ columns.T


# For `torch.export.ExportedProgram.run_decompositions`.
DECOMPOSITIONS = {
    torch.ops.aten.adaptive_max_pool2d.default: grid_maxima,
    torch.ops.aten._upsample_bilinear2d_aa.default: resized,
}
