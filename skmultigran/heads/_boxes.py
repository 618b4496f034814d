"""The head for objects: at every place of every level, is one here, and how large."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING

from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran._registry import register_head
from skmultigran._support import Interval

if TYPE_CHECKING:
    from skmultigran.heads._fcos import FCOS


@register_head("boxes")
class BoxHead(Recipe):
    """Detect objects at every position of every level, without anchors: FCOS [1]_.

    Registered as "boxes".

    Maps of equal stride are added first, so that there is one map per stride. Two
    towers of `depth` convolutions with `channels` channels, shared by all levels,
    predict at each position the classes, the distances to the four sides of the box,
    and how central the position is. Each level finds objects of its own range of sizes.
    The towers are torchvision's, but normalise each position separately.

    Parameters
    ----------
    channels : int, default=64
        Number of channels of the maps and towers.
    depth : int, default=2
        Number of convolutions of each tower. The paper uses 4 with 256 channels, which
        requires a GPU.
    min_stride : float, default=4.0
        Levels with a smaller stride are left out, as they have very many positions; if
        all are smaller, the coarsest is kept.
    size_range : float, default=2.0
        A level of stride s finds objects whose farthest side is `size_range` s to
        2 `size_range` s from their centre; the finest and the coarsest level also find
        smaller and larger ones. The paper uses 4, for larger images.

    References
    ----------
    .. [1] Z. Tian et al., "FCOS: A Simple and Strong Anchor-Free Object Detector",
       TPAMI 2020, arXiv 2006.09214.

    Examples
    --------
    >>> import torch
    >>> from skmultigran import BoxHead, Level
    >>> head = BoxHead(channels=8).build([Level(4, 4), Level(4, 8)], n_outputs=3)
    >>> head.levels
    (Level(channels=8, stride=4), Level(channels=8, stride=8))
    >>> maps = [torch.zeros(1, 4, 6, 6), torch.zeros(1, 4, 3, 3)]
    >>> head(maps, (24, 24)).shape  # 45 places
    torch.Size([1, 45, 14])
    """

    _parameter_constraints = {
        "channels": [Interval(Integral, 1, None, closed="left")],
        "depth": [Interval(Integral, 0, None, closed="left")],
        "min_stride": [Interval(Real, 0, None, closed="left")],
        "size_range": [Interval(Real, 0, None, closed="neither")],
    }
    answers = "boxes"

    def __init__(
        self,
        *,
        channels: int = 64,
        depth: int = 2,
        min_stride: float = 4.0,
        size_range: float = 2.0,
    ) -> None:
        self.channels = channels
        self.depth = depth
        self.min_stride = min_stride
        self.size_range = size_range

    def build(self, levels: Sequence[Level], n_outputs: int | None) -> FCOS:
        """Return a fresh head.

        Parameters
        ----------
        levels : sequence of Level
            Levels of the fused maps.
        n_outputs : int
            Number of classes.

        Returns
        -------
        FCOS
            The module.

        Raises
        ------
        ValueError
            If there are no outputs.
        """
        # Importing torchvision takes long, and only this head needs its detection.
        from skmultigran.heads._fcos import FCOS

        self.check_parameters()
        if n_outputs is None:
            raise ValueError(
                "BoxHead got no n_outputs; it needs the number of classes, as it has "
                "weights to learn."
            )
        return FCOS(
            levels,
            n_outputs,
            channels=self.channels,
            depth=self.depth,
            min_stride=self.min_stride,
            size_range=self.size_range,
        )
