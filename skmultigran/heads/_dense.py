"""The head for answers about every pixel: merge the levels, refine, enlarge."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real

from torch import Tensor, nn
from torch.nn import functional

from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran._registry import register_head
from skmultigran._support import Interval
from skmultigran.heads._strides import DistinctStrides


class Dense(nn.Module):
    """Module of `DenseHead`.

    Parameters
    ----------
    levels : sequence of Level
        Levels of the fused maps.
    n_outputs : int
        Numbers per pixel.
    channels : int
        Width that all levels are brought to.
    depth : int
        Convolutions on the merged map.
    dropout : float
        Dropout rate of whole channels before the answer.
    """

    def __init__(
        self,
        levels: Sequence[Level],
        n_outputs: int,
        channels: int,
        depth: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.merge = DistinctStrides(levels, channels)
        self.stride = self.merge.levels[0].stride
        self.refine = nn.Sequential(*(_block(channels) for _ in range(depth)))
        self.dropout = nn.Dropout2d(dropout)
        self.answer = nn.Conv2d(channels, n_outputs, 1)

    def features(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the merged and refined map.

        Parameters
        ----------
        maps : sequence of Tensor of shape (B, C_l, H_l, W_l)
            The fused maps, fine to coarse.

        Returns
        -------
        Tensor of shape (B, channels, H_0, W_0)
            One map at the finest stride.
        """
        finest, *coarser = self.merge(maps)
        for map_ in coarser:
            finest = finest + enlarged(map_, finest.shape[-2:])
        return self.refine(functional.relu(finest))

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Return the raw numbers of every pixel.

        Parameters
        ----------
        maps : sequence of Tensor of shape (B, C_l, H_l, W_l)
            The fused maps, fine to coarse.
        size : tuple of int
            `(height, width)` of the images.

        Returns
        -------
        Tensor of shape (B, n_outputs, *size)
            Raw numbers, such as logits.
        """
        raw = self.answer(self.dropout(self.features(maps)))
        # A map covers whole strides; enlarged by exactly the stride, every pixel is
        # the same whatever else the image holds.
        covered = [round(side * self.stride) for side in raw.shape[-2:]]
        return enlarged(raw, covered)[..., : size[0], : size[1]]


def enlarged(map_: Tensor, size: Sequence[int]) -> Tensor:
    """Return a map enlarged to a size, linearly between its pixels.

    Parameters
    ----------
    map_ : Tensor of shape (B, C, H, W)
        The map.
    size : sequence of int
        The new `(height, width)`.

    Returns
    -------
    Tensor of shape (B, C, *size)
        The enlarged map; the same tensor where the size is right already.
    """
    if tuple(map_.shape[-2:]) == tuple(size):
        return map_
    return functional.interpolate(
        map_, tuple(size), mode="bilinear", align_corners=False
    )


def _block(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


@register_head("dense")
class DenseHead(Recipe):
    """Predict every pixel from the sum of all levels at the finest stride.

    Registered as "dense".

    Each fused map `(B, C_l, H_l, W_l)` is projected to `channels`; maps of equal stride
    are added first, then all are enlarged to the finest one and added, as in the
    semantic branch of panoptic feature pyramids [1]_. Convolutions of 3 x 3 can refine
    the sum; a 1 x 1 convolution gives the outputs, which are enlarged to the image
    size.

    Parameters
    ----------
    channels : int, default=32
        Number of channels to which all levels are projected.
    depth : int, default=0
        Number of convolutions that refine the sum.
    dropout : float, default=0.0
        Dropout rate of whole channels before the last convolution, in [0, 1).

    References
    ----------
    .. [1] A. Kirillov et al., "Panoptic Feature Pyramid Networks", CVPR 2019,
       arXiv 1901.02446.

    Examples
    --------
    >>> import torch
    >>> from skmultigran import DenseHead, Level
    >>> head = DenseHead(channels=8).build([Level(4, 2), Level(4, 4)], n_outputs=3)
    >>> maps = [torch.zeros(1, 4, 5, 6), torch.zeros(1, 4, 3, 3)]
    >>> head(maps, (10, 11)).shape
    torch.Size([1, 3, 10, 11])
    """

    _parameter_constraints = {
        "channels": [Interval(Integral, 1, None, closed="left")],
        "depth": [Interval(Integral, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }
    answers = "pixels"

    def __init__(
        self, *, channels: int = 32, depth: int = 0, dropout: float = 0.0
    ) -> None:
        self.channels = channels
        self.depth = depth
        self.dropout = dropout

    def build(self, levels: Sequence[Level], n_outputs: int | None) -> Dense:
        """Return a fresh head.

        Parameters
        ----------
        levels : sequence of Level
            Levels of the fused maps.
        n_outputs : int
            Numbers per pixel.

        Returns
        -------
        Dense
            The module.

        Raises
        ------
        ValueError
            If there are no outputs.
        """
        self.check_parameters()
        if n_outputs is None:
            raise ValueError(
                "DenseHead got no n_outputs; it needs the numbers per pixel, as it has "
                "weights to learn."
            )
        return Dense(levels, n_outputs, self.channels, self.depth, self.dropout)
