"""Boxes of objects that are cropped and moved together with their images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

# An object of which less than this share of its box is left is no longer looked for.
_SMALLEST_VISIBLE_SHARE = 0.3
_SMALLEST_SIDE = 1.0
_NOTHING = -1


class Boxes:
    """Boxes and class numbers of the objects in images, read as crops.

    Parameters
    ----------
    boxes : sequence of ndarray of float of shape (m, 5)
        Left, top, right and bottom in pixels, and the class number.
    image_size : tuple of int
        `(height, width)` of the crops that are moved.

    Notes
    -----
    A batch is `(B, M, 5)`; where an image has less than M objects, the class number is
    negative.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import Boxes
    >>> boxes = Boxes([np.array([[2.0, 1, 8, 7, 3], [9, 9, 10, 10, 3]])], (6, 6))
    >>> boxes.crops(np.array([0]), np.array([[2, 1]]), (6, 6))
    tensor([[[1., 0., 6., 5., 3.]]])
    """

    def __init__(
        self, boxes: Sequence[np.ndarray], image_size: tuple[int, int]
    ) -> None:
        self.boxes = boxes
        self.image_size = image_size

    def __len__(self) -> int:
        return len(self.boxes)

    def crops(
        self, positions: np.ndarray, corners: np.ndarray, size: tuple[int, int]
    ) -> Tensor:
        """Return the objects within a part of each image.

        Parameters
        ----------
        positions : ndarray of int of shape (b,)
            Positions of the images.
        corners : ndarray of int of shape (b, 2)
            Top and left of each part.
        size : tuple of int
            `(height, width)` of the parts.

        Returns
        -------
        Tensor of float32 of shape (b, M, 5)
            Boxes in the part's own pixels, cut at its border. Objects of which less
            than 0.3 is left are left out.
        """
        found = []
        for position, (top, left) in zip(positions, corners, strict=True):
            boxes = torch.from_numpy(np.asarray(self.boxes[position], np.float32))
            shift = torch.tensor([left, top, left, top, 0], dtype=torch.float32)
            boxes = _cut(boxes - shift, size)
            found.append(boxes[boxes[:, 4] >= 0])
        most = max((len(boxes) for boxes in found), default=0)
        batch = torch.zeros(len(found), most, 5)
        batch[:, :, 4] = _NOTHING
        for row, boxes in zip(batch, found, strict=True):
            row[: len(boxes)] = boxes
        return batch

    def moved(self, batch: Tensor, matrices: Tensor) -> Tensor:
        """Return boxes moved as their images were.

        The box of a turned object is that of the turned ellipse in its box: objects
        seldom fill the corners (A. Kalra et al. 2021, arXiv 2110.00555).

        Parameters
        ----------
        batch : Tensor of shape (B, M, 5)
            What `crops` returned.
        matrices : Tensor of shape (B, 2, 3)
            Where in [-1, 1] each pixel's x and y are read.

        Returns
        -------
        Tensor of shape (B, M, 5)
            The moved boxes; what has left the image has a negative class number.
        """
        height, width = self.image_size
        scale = batch.new_tensor([width / 2, height / 2])
        # A pixel at p shows what was at A p + b: an object at q comes to lie at
        # inv(A) (q - b).
        inverse = torch.linalg.inv(matrices[:, :, :2])
        corners = batch[:, :, :4].unflatten(2, (2, 2)) / scale - 1
        centres = corners.mean(dim=2) - matrices[:, None, :, 2]
        centres = torch.einsum("bij,bmj->bmi", inverse, centres)
        halves = (corners[:, :, 1] - corners[:, :, 0]) / 2
        halves = torch.einsum("bij,bmj->bmi", inverse.square(), halves.square()).sqrt()
        moved = torch.cat([centres - halves, centres + halves], dim=2)
        moved = (moved + 1) * scale.repeat(2)
        return _cut(torch.cat([moved, batch[:, :, 4:]], dim=2), self.image_size)

    @staticmethod
    def to_tv(annotation: Tensor, size: tuple[int, int]) -> Any:
        """Return boxes as what transforms of torchvision know.

        Parameters
        ----------
        annotation : Tensor of shape (M, 5)
            The objects of one image.
        size : tuple of int
            `(height, width)` of the image.

        Returns
        -------
        torchvision.tv_tensors.BoundingBoxes
            The boxes.
        """
        from torchvision import tv_tensors

        boxes = annotation[:, :4].clone()
        return tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=size)

    def from_tv(self, value: Any, like: Tensor) -> Tensor:
        """Return the objects from what `to_tv` made, after a transform.

        Parameters
        ----------
        value : torchvision.tv_tensors.BoundingBoxes
            The changed boxes.
        like : Tensor of shape (M, 5)
            The objects before.

        Returns
        -------
        Tensor of shape (M, 5)
            The objects.

        Raises
        ------
        ValueError
            If the transform changes the number of boxes.
        """
        boxes = torch.as_tensor(value).to(like.dtype)
        if boxes.shape != like[:, :4].shape:
            raise ValueError(
                f"augment: a transform made {len(boxes)} boxes of {len(like)}, but "
                "must keep their number and order. Leave v2.SanitizeBoundingBoxes out: "
                "what has left the image is not looked for anyway."
            )
        return _cut(torch.cat([boxes, like[:, 4:]], dim=1), self.image_size)


def _cut(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Return boxes `(..., 5)` cut at the border; what is hardly left is nothing."""
    height, width = size
    limits = boxes.new_tensor([width, height, width, height])
    inside = torch.minimum(boxes[..., :4].clamp(min=0), limits)
    sides = inside[..., 2:] - inside[..., :2]
    area = (boxes[..., 2:4] - boxes[..., :2]).prod(dim=-1)
    gone = sides.prod(dim=-1) < _SMALLEST_VISIBLE_SHARE * area
    gone |= sides.amin(dim=-1) < _SMALLEST_SIDE
    codes = boxes[..., 4].masked_fill(gone, _NOTHING)
    return torch.cat([inside, codes[..., None]], dim=-1)
