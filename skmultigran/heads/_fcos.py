"""The module of `BoxHead`, made of torchvision's parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.models.detection.fcos import (
    FCOSClassificationHead,
    FCOSRegressionHead,
)

from skmultigran._levels import Level
from skmultigran.heads._strides import DistinctStrides


class PlaceNorm(nn.LayerNorm):
    """Normalise the channels of each place by themselves.

    torchvision's towers have group norms, whose statistics are those of the whole map:
    answers would depend on where a large image is cut.
    """

    def forward(self, map_: Tensor) -> Tensor:
        """Return the normalised map.

        Parameters
        ----------
        map_ : Tensor of shape (B, C, H, W)
            The map.

        Returns
        -------
        Tensor of shape (B, C, H, W)
            Of mean zero and deviation one at each place, scaled by what is learned.
        """
        return super().forward(map_.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class FCOS(nn.Module):
    """Module of `BoxHead`.

    Parameters
    ----------
    levels : sequence of Level
        Levels of the fused maps.
    n_classes : int
        Number of classes.
    channels : int
        Width of maps and towers.
    depth : int
        Convolutions of each tower.
    min_stride : float
        Levels of a smaller stride are left out.
    size_range : float
        Sizes that a level finds, in strides.

    Attributes
    ----------
    levels : tuple of Level
        The levels that objects are found on, fine to coarse.
    """

    def __init__(
        self,
        levels: Sequence[Level],
        n_classes: int,
        *,
        channels: int,
        depth: int,
        min_stride: float,
        size_range: float,
    ) -> None:
        super().__init__()
        kept = [i for i, level in enumerate(levels) if level.stride >= min_stride]
        self.kept = kept or [len(levels) - 1]
        self.merge = DistinctStrides([levels[i] for i in self.kept], channels)
        self.levels = self.merge.levels
        self.size_range = size_range
        self.classes = FCOSClassificationHead(
            channels, 1, n_classes, depth, norm_layer=PlaceNorm
        )
        self.sides = FCOSRegressionHead(channels, 1, depth, norm_layer=PlaceNorm)
        # Places begin with boxes of the sizes that their level is for: from zero, half
        # of the rectified distances would have no gradient.
        nn.init.constant_(self.sides.bbox_reg.bias, size_range)

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Return what is told of every place.

        Parameters
        ----------
        maps : sequence of Tensor of shape (B, C_l, H_l, W_l)
            The fused maps, fine to coarse.
        size : tuple of int
            `(height, width)` of the images; unused.

        Returns
        -------
        Tensor of shape (B, n_places, n_classes + 11)
            Logits of the classes; distances to left, top, right and bottom in strides;
            the logit of being central; x, y, stride and level of the place, and the
            least and the largest distance of the farthest side of its objects.
        """
        merged = self.merge([maps[i] for i in self.kept])
        logits = self.classes(merged)  # (B, n_places, n_classes)
        sides, central = self.sides(merged)  # (B, n_places, 4), (B, n_places, 1)
        places = torch.cat([self._places(i, map_) for i, map_ in enumerate(merged)])
        places = places.expand(logits.shape[0], -1, -1)
        numbers = [logits.float(), sides.float(), central.float(), places]
        return torch.cat(numbers, dim=2)

    def _places(self, number: int, map_: Tensor) -> Tensor:
        stride = self.levels[number].stride
        rows, columns = (
            (torch.arange(side, dtype=torch.float32, device=map_.device) + 0.5) * stride
            for side in map_.shape[-2:]
        )
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        last = len(self.levels) - 1
        least = 0.0 if number == 0 else self.size_range * stride
        # Ranges of neighbours meet, whatever the ratio of their strides.
        most = math.inf if number == last else self._least_of(number + 1)
        facts = rows.new_tensor([stride, number, least, most])
        centres = torch.stack([x.flatten(), y.flatten()], dim=1)
        return torch.cat([centres, facts.expand(len(centres), 4)], dim=1)

    def _least_of(self, number: int) -> float:
        return self.size_range * self.levels[number].stride
