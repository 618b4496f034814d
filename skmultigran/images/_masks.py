"""Masks of class numbers that are cropped and moved together with their images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

# The number of pixels that are not learned from.
IGNORED = -1


class Masks:
    """Class numbers of all pixels of images, read as crops.

    Parameters
    ----------
    codes : sequence of ndarray of int of shape (h, w)
        Class numbers; `IGNORED` where nothing is to be learned.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import Masks
    >>> masks = Masks([np.ones((3, 4), int)])
    >>> masks.crops(np.array([0]), np.array([[1, 2]]), (2, 3))
    tensor([[[ 1,  1, -1],
             [ 1,  1, -1]]])
    """

    def __init__(self, codes: Sequence[np.ndarray]) -> None:
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    def crops(
        self, positions: np.ndarray, corners: np.ndarray, size: tuple[int, int]
    ) -> Tensor:
        """Return a part of each mask; beyond its end there is nothing to learn.

        Parameters
        ----------
        positions : ndarray of int of shape (b,)
            Positions of the masks.
        corners : ndarray of int of shape (b, 2)
            Top and left of each part.
        size : tuple of int
            `(height, width)` of the parts.

        Returns
        -------
        Tensor of int64 of shape (b, *size)
            The parts.
        """
        parts = np.full((len(positions), *size), IGNORED, dtype=np.int64)
        for part, position, (top, left) in zip(parts, positions, corners, strict=True):
            found = self.codes[position][top : top + size[0], left : left + size[1]]
            part[: found.shape[0], : found.shape[1]] = found
        return torch.from_numpy(parts)

    @staticmethod
    def moved(batch: Tensor, matrices: Tensor) -> Tensor:
        """Return masks moved as their images were; no label is invented.

        Parameters
        ----------
        batch : Tensor of int64 of shape (B, h, w)
            What `crops` returned.
        matrices : Tensor of shape (B, 2, 3)
            Where in [-1, 1] each pixel's x and y are read.

        Returns
        -------
        Tensor of int64 of shape (B, h, w)
            The nearest label; `IGNORED` where an image had nothing.
        """
        shape = [len(batch), 1, *batch.shape[1:]]
        grid = functional.affine_grid(matrices, shape, align_corners=False)
        # Padding reads zero, so codes are shifted to make that the ignored one.
        shifted = (batch - IGNORED).float()[:, None]
        moved = functional.grid_sample(
            shifted, grid, mode="nearest", padding_mode="zeros", align_corners=False
        )
        return moved[:, 0].round().long() + IGNORED

    @staticmethod
    def to_tv(annotation: Tensor, size: tuple[int, int]) -> Any:
        """Return a mask as what transforms of torchvision know.

        Parameters
        ----------
        annotation : Tensor of int64 of shape (h, w)
            One mask.
        size : tuple of int
            Its size.

        Returns
        -------
        torchvision.tv_tensors.Mask
            Codes of which zero, what transforms fill in, is the ignored one.
        """
        from torchvision import tv_tensors

        return tv_tensors.Mask(annotation - IGNORED)

    @staticmethod
    def from_tv(value: Any, like: Tensor) -> Tensor:
        """Return a mask from what `to_tv` made, after a transform.

        Parameters
        ----------
        value : torchvision.tv_tensors.Mask
            The changed mask.
        like : Tensor of int64 of shape (h, w)
            The mask before.

        Returns
        -------
        Tensor of int64 of shape (h, w)
            The mask.
        """
        return torch.as_tensor(value).to(like.dtype) + IGNORED
