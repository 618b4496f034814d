"""What a segmenter or detector saw of images: maps of each granularity."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from skmultigran.training import MapTile, answer_tiles


class GranularityMapTiles(NamedTuple):
    """The maps of each tile of each image, and who answers from them.

    Attributes
    ----------
    tiles : list of MapTile
        Maps of images, or of parts of large ones.
    granularities : list of str
        Names of the granularities, fine to coarse.
    estimator : estimator
        The segmenter or detector.
    X : array-like
        Its images.
    """

    tiles: list[MapTile]
    granularities: list[str]
    estimator: Any
    X: Any

    @property
    def n_images(self) -> int:
        """Number of images."""
        return 1 + max(tile.position for tile in self.tiles)

    def answering(self) -> tuple[Any, Any]:
        """Return a fitted estimator, and the X with which it answers from this.

        Returns
        -------
        estimator : estimator
            Of the same class, with the same answers but for what is replaced.
        X : array-like
            The images.
        """
        view = object.__new__(type(self.estimator))
        vars(view).update(vars(self.estimator))
        view._tile_outputs = lambda source: answer_tiles(
            self.estimator.network_, self.tiles, self.estimator.device_
        )
        return view, self.X

    def means(self) -> GranularityMapTiles:
        """Return maps that have the same everywhere, the mean of images and places.

        Returns
        -------
        GranularityMapTiles
            The means.
        """
        levels = zip(*(tile.maps for tile in self.tiles), strict=True)
        means = [_mean(maps) for maps in levels]
        return self._with_maps(
            lambda tile: [
                mean.expand_as(map_)
                for mean, map_ in zip(means, tile.maps, strict=True)
            ]
        )

    def replaced(self, granularity, other, order=None) -> GranularityMapTiles:
        """Return this with one granularity taken from elsewhere.

        Parameters
        ----------
        granularity : str
            Its name.
        other : GranularityMapTiles
            Where it is taken from.
        order : ndarray of int of shape (n,) or None, default=None
            Which image of `other` each image gets it from; None: the same. Maps of
            another size are resized.

        Returns
        -------
        GranularityMapTiles
            The new one.
        """
        index = self.granularities.index(granularity)
        given: dict[int, list[Tensor]] = {}
        for tile in other.tiles:
            given.setdefault(tile.position, []).append(tile.maps[index])
        used = dict.fromkeys(given, 0)

        def maps(tile):
            position = tile.position
            donors = given[position if order is None else int(order[position])]
            donor = donors[used[position] % len(donors)]
            used[position] += 1
            changed = list(tile.maps)
            changed[index] = _of_size(donor, changed[index].shape[-2:])
            return changed

        return self._with_maps(maps)

    def _with_maps(self, maps):
        return self._replace(tiles=[t._replace(maps=maps(t)) for t in self.tiles])


def granularity_map_tiles(estimator, X) -> GranularityMapTiles:
    """Look at images once and return what was seen, granularity by granularity.

    Parameters
    ----------
    estimator : estimator
        A fitted segmenter or detector.
    X : array-like
        Images of any sizes, as it takes them.

    Returns
    -------
    GranularityMapTiles
        The maps.
    """
    tiles = list(estimator._tile_maps(estimator._read(X)))
    return GranularityMapTiles(tiles, estimator.granularities_, estimator, X)


@torch.inference_mode()
def _mean(maps):
    """Return the mean over images and places, (1, C, 1, 1)."""
    # On the CPU: not all devices have doubles.
    total = sum(map_.cpu().double().sum(dim=(2, 3), keepdim=True) for map_ in maps)
    mean = total / sum(map_[0, 0].numel() for map_ in maps)
    return mean.float().to(maps[0].device)


@torch.inference_mode()
def _of_size(map_, size):
    if map_.shape[-2:] == size:
        return map_
    return functional.interpolate(map_, size, mode="bilinear", align_corners=False)
