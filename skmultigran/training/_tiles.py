"""Tiles that cover an image, each answering for its core only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Tiling:
    """How images are cut that are too large to be looked at whole.

    Parameters
    ----------
    size : int
        Side of a tile in pixels. Images of no more pixels than a tile stay whole.
    overlap : int
        Pixels that neighbouring tiles share; each answers for its half.

    Raises
    ------
    ValueError
        If a tile would be all overlap.
    """

    size: int
    overlap: int

    def __post_init__(self) -> None:
        if self.overlap >= self.size:
            raise ValueError(
                f"tile_overlap={self.overlap} must be smaller than "
                f"tile_size={self.size}: neighbouring tiles share the overlap, and "
                "each needs pixels of its own. Lower tile_overlap or raise tile_size."
            )


class Tile(NamedTuple):
    """A part of an image that is looked at, and its core, which it answers for.

    Parameters
    ----------
    corner : tuple of int
        Top and left in the image.
    size : tuple of int
        Height and width; may reach beyond the image.
    core : tuple of slice
        Rows and columns of the image.
    """

    corner: tuple[int, int]
    size: tuple[int, int]
    core: tuple[slice, slice]

    @classmethod
    def whole(cls, size: tuple[int, int]) -> Tile:
        """Return a whole image as one tile.

        Parameters
        ----------
        size : tuple of int
            Height and width of the image.

        Returns
        -------
        Tile
            The tile.
        """
        return cls((0, 0), size, (slice(0, size[0]), slice(0, size[1])))

    @property
    def inner(self) -> tuple[slice, slice]:
        """The core in the tile's own rows and columns."""
        rows, columns = (
            slice(part.start - start, part.stop - start)
            for part, start in zip(self.core, self.corner, strict=True)
        )
        return rows, columns


def tiles(image_size: tuple[int, int], tiling: Tiling, step: int) -> Iterator[Tile]:
    """Yield tiles whose cores cover an image, each pixel once.

    Parameters
    ----------
    image_size : tuple of int
        Height and width of the image.
    tiling : Tiling
        Size and overlap; both are rounded up to whole steps.
    step : int
        Corners are multiples of it, so that maps of a tile lie on those of the image.

    Yields
    ------
    Tile
        The whole image where it has no more pixels than a tile.

    Examples
    --------
    >>> from skmultigran.training import Tiling, tiles
    >>> for tile in tiles((4, 10), Tiling(size=6, overlap=2), step=1):
    ...     print(tile.corner, tile.size, tile.core[1])
    (0, 0) (4, 6) slice(0, 5, None)
    (0, 4) (4, 6) slice(5, 10, None)
    """
    height, width = image_size
    if height * width <= tiling.size**2:
        yield Tile.whole(image_size)
        return
    rows, columns = (_spans(side, tiling, step) for side in image_size)
    for top, tile_height, inner_rows in rows:
        for left, tile_width, inner_columns in columns:
            core = inner_rows, inner_columns
            yield Tile((top, left), (tile_height, tile_width), core)


def _spans(side: int, tiling: Tiling, step: int) -> list[tuple[int, int, slice]]:
    """Return start, length and core of the tiles along one axis."""
    covered = _whole(side, step)
    half = _whole(tiling.overlap / 2, step)
    length = max(_whole(tiling.size, step), 2 * half + step)
    last = max(0, covered - length)
    starts = [*range(0, last, length - 2 * half), last]
    length = min(length, covered)
    edges = [0, *(start + half for start in starts[1:]), side]
    cores = [slice(edges[i], edges[i + 1]) for i in range(len(starts))]
    return [(start, length, core) for start, core in zip(starts, cores, strict=True)]


def _whole(length: float, step: int) -> int:
    """Return the length rounded up to whole steps."""
    return int(-(-length // step) * step)
