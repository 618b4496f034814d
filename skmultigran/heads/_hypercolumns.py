"""The head without an answer: what all levels say of a pixel, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran.heads._dense import enlarged


class Hypercolumns(nn.Module):
    """Module of `HypercolumnHead`.

    Parameters
    ----------
    levels : sequence of Level
        Levels of the maps.
    """

    def __init__(self, levels: Sequence[Level]) -> None:
        super().__init__()
        self.levels = tuple(levels)

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Return the maps side by side, enlarged to the image.

        Parameters
        ----------
        maps : sequence of Tensor of shape (B, C_l, H_l, W_l)
            The maps, fine to coarse.
        size : tuple of int
            `(height, width)` of the images.

        Returns
        -------
        Tensor of shape (B, sum C_l, *size)
            What is seen of every pixel.
        """
        whole = []
        for map_, level in zip(maps, self.levels, strict=True):
            covered = [round(side * level.stride) for side in map_.shape[-2:]]
            whole.append(enlarged(map_, covered)[..., : size[0], : size[1]])
        return torch.cat(whole, dim=1)


class HypercolumnHead(Recipe):
    """All maps enlarged to the image and put side by side: hypercolumns [1]_.

    References
    ----------
    .. [1] B. Hariharan et al., "Hypercolumns for Object Segmentation and Fine-grained
       Localization", CVPR 2015, arXiv 1411.5752.

    Examples
    --------
    >>> import torch
    >>> from skmultigran import Level
    >>> from skmultigran.heads import HypercolumnHead
    >>> head = HypercolumnHead().build([Level(4, 1), Level(2, 2)])
    >>> head([torch.zeros(1, 4, 6, 8), torch.zeros(1, 2, 3, 4)], (6, 7)).shape
    torch.Size([1, 6, 6, 7])
    """

    answers = "features"

    def build(
        self, levels: Sequence[Level], n_outputs: int | None = None
    ) -> Hypercolumns:
        """Return the module; it has nothing to learn.

        Parameters
        ----------
        levels : sequence of Level
            Levels of the maps.
        n_outputs : None
            There is no answer.

        Returns
        -------
        Hypercolumns
            The module.
        """
        return Hypercolumns(levels)
