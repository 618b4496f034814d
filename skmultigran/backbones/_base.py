"""What every backbone promises."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor, nn

from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES

# Mean and standard deviation per channel.
Normalisation = tuple[tuple[float, ...], tuple[float, ...]]


class Backbone(nn.Module):
    """Module that turns images into one map per level, from fine to coarse.

    Attributes
    ----------
    levels : tuple of Level
        Levels of the maps that `forward` returns, from fine to coarse.
    normalisation : tuple of (tuple of float, tuple of float), or None
        Mean and standard deviation per channel that the backbone requires, for images
        with values in [0, 1]; a single value applies to all channels. None: learned
        from the training images, or no normalisation if the recipe is `pretrained` or
        `fixed`.
    """

    levels: tuple[Level, ...]
    normalisation: Normalisation | None = None

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

    def next_level(
        self, position: int, carried: tuple[Tensor, ...], size: tuple[int, int]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the map of one level, and the inputs of the levels after it.

        Used for predictions that may stop at any level. The default computes all maps
        at the first level; a backbone that can stop in between overrides it.

        Parameters
        ----------
        position : int
            Position of the level, from 0; levels are requested in order.
        carried : tuple of Tensor
            `(images,)` for the first level, then the result of the previous call, for
            all images or some of them.
        size : tuple of int
            `(height, width)` of the images.

        Returns
        -------
        map : Tensor of shape (B, levels[position].channels, h, w)
            The map that `forward` returns at this position.
        carried : tuple of Tensor
            Inputs of the next level; the first axis of each is that of the images.
        """
        maps = carried if position else tuple(self(carried[0]))
        return maps[0], maps[1:]

    def parts(self) -> list[nn.Module]:
        """Return the consecutive parts of the backbone, from input to output.

        With `trainable="last:2"`, the last two parts are trained and the rest is
        frozen. The default is one part per module of the attribute `stages`; a backbone
        with other modules overrides it.

        Returns
        -------
        list of nn.Module
            Parts that together hold every parameter exactly once; none if there is
            nothing to learn.

        Raises
        ------
        ValueError
            If the backbone has no such order.
        """
        own = {id(parameter) for parameter in self.parameters()}
        if not own:
            return []
        parts = list(getattr(self, "stages", ()))
        held = [id(parameter) for part in parts for parameter in part.parameters()]
        if sorted(held) != sorted(own):
            raise ValueError(
                f"{type(self).__name__} does not say which parts follow each other, so "
                "its last parts cannot be trained alone. Give it an attribute `stages` "
                "with all of its parameters, or a method `parts`; or train all of it, "
                "or nothing of it."
            )
        return parts


@BACKBONES.base
class BackboneRecipe(Recipe):
    """Base of the recipes for `backbone=`.

    Attributes
    ----------
    pretrained : bool
        Whether `build` loads pretrained weights. False unless overridden.
    fixed : bool
        Whether the backbone has nothing to learn. False unless overridden.
    """

    # Not properties: a recipe may have a parameter of such a name.
    pretrained: bool = False
    fixed: bool = False

    def build(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a fresh backbone.

        Parameters
        ----------
        in_channels : int
            Number of channels of the images.
        image_size : tuple of int
            Typical `(height, width)` of the images. The depth may depend on it, but the
            module must work with any size.

        Returns
        -------
        Backbone
            The module, with its `levels`.
        """
        raise NotImplementedError

    def skeleton(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a fresh backbone whose weights will be loaded from a state dict.

        Used to restore a fitted estimator, possibly on another machine. So a recipe
        whose `build` reads weights from a file or downloads them overrides it; for all
        others it equals `build`.

        Parameters
        ----------
        in_channels : int
            Number of channels of the images.
        image_size : tuple of int
            Typical `(height, width)` of the images.

        Returns
        -------
        Backbone
            As returned by `build`, but with arbitrary weights.
        """
        return self.build(in_channels, image_size)

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
    ) -> Normalisation | None:
        """Return the normalisation that the backbone requires, without its weights.

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
            return self.skeleton(in_channels, image_size)


def all_levels(backbone: Backbone, images: Tensor) -> list[Tensor]:
    """Return the maps of a backbone that computes one level after the other.

    Parameters
    ----------
    backbone : Backbone
        A backbone with a `next_level` of its own.
    images : Tensor of shape (B, C, H, W)
        Normalised images.

    Returns
    -------
    list of Tensor
        What its `forward` returns.
    """
    size = (images.shape[-2], images.shape[-1])
    carried: tuple[Tensor, ...] = (images,)
    maps = []
    for position in range(len(backbone.levels)):
        map_, carried = backbone.next_level(position, carried, size)
        maps.append(map_)
    return maps


def stages_of_level(
    stages: nn.ModuleList, chosen: Sequence[int], position: int
) -> list[nn.Module]:
    """Return the stages between the level before and this one.

    Parameters
    ----------
    stages : torch.nn.ModuleList
        All stages; each takes what the one before gives.
    chosen : sequence of int
        The stage of each level, ascending.
    position : int
        Position of the level.

    Returns
    -------
    list of torch.nn.Module
        Those of them that lead to the level.
    """
    first = chosen[position - 1] + 1 if position else 0
    return list(stages)[first : chosen[position] + 1]


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
