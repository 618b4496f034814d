"""What every backbone promises."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor, nn

from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES


class Backbone(nn.Module):
    """Module that turns images into one map per level, from fine to coarse.

    Attributes
    ----------
    levels : tuple of Level
        What `forward` returns, from fine to coarse.
    normalisation : tuple of (tuple of float, tuple of float), or None
        Mean and standard deviation per channel, for images with values in [0, 1],
        that the backbone needs; one value stands for all channels. None: learned from
        the training images.
    """

    levels: tuple[Level, ...]
    normalisation: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of `images`.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            Normalised images of any size from 1 x 1.

        Returns
        -------
        list of Tensor of shape (B, levels[i].channels, h, w)
            One map per level; `(h, w)` is `levels[i].map_size((H, W))`.
        """
        raise NotImplementedError


@BACKBONES.base
class BackboneRecipe(Recipe):
    """Base of the recipes for `backbone=`."""

    def build(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a fresh backbone.

        Parameters
        ----------
        in_channels : int
            Number of channels of the images.
        image_size : tuple of int
            Typical `(height, width)` of the images. A backbone may choose its depth by
            it; the module must work with any size.

        Returns
        -------
        Backbone
            The module, with its `levels`.
        """
        raise NotImplementedError

    def levels(
        self, in_channels: int, image_size: tuple[int, int]
    ) -> tuple[Level, ...]:
        """Return the levels of the backbone without allocating its weights.

        Parameters
        ----------
        in_channels : int
            Number of channels of the images.
        image_size : tuple of int
            Typical `(height, width)` of the images.

        Returns
        -------
        tuple of Level
            The levels, from fine to coarse.
        """
        return self._described(in_channels, image_size).levels

    def normalisation(
        self, in_channels: int, image_size: tuple[int, int]
    ) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Return the normalisation that the backbone needs, without its weights.

        Parameters
        ----------
        in_channels : int
            Number of channels of the images.
        image_size : tuple of int
            Typical `(height, width)` of the images.

        Returns
        -------
        tuple or None
            As `Backbone.normalisation`.
        """
        return self._described(in_channels, image_size).normalisation

    def _described(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a backbone without weights; random generators stay as they were."""
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            return self.build(in_channels, image_size)


def chosen_levels(
    out_indices: Sequence[int] | None, count: int, owner: str
) -> tuple[int, ...]:
    """Return the positions of the levels that `out_indices` names.

    Parameters
    ----------
    out_indices : sequence of int or None
        Distinct positions from fine to coarse; negative ones count from the coarsest.
        None: all.
    count : int
        Number of levels there are.
    owner : str
        Name of the backbone, for the message.

    Returns
    -------
    tuple of int
        Positions from zero, ascending.

    Raises
    ------
    ValueError
        If a position does not exist, if one comes twice, or if there is none.
    """
    if out_indices is None:
        return tuple(range(count))
    given = list(out_indices)
    valid = {
        int(i) % count for i in given if isinstance(i, Integral) and -count <= i < count
    }
    if not given or len(valid) != len(given):
        raise ValueError(
            f"{owner} got out_indices={out_indices!r}; it has {count} levels, so it "
            f"must be a sequence of distinct integers from {-count} to {count - 1}, "
            "with at least one."
        )
    return tuple(sorted(valid))
