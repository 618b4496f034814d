"""The word that every stage shares: a level of a pyramid of maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

# Strides may be fractional (stride / scale); without the tolerance a product such as
# 0.55 * 100 = 55.00000000000001 would round up to one pixel too many.
_TOLERANCE = 1e-9
# Strides are whole numbers over scales, whose names have two decimals.
_LARGEST_DENOMINATOR = 1000
# Images padded to a multiple of more than so many strides would be mostly padding.
_MOST_STRIDES = 16


def ceil_size(size: int, factor: float) -> int:
    """Return the number of pixels of `size` pixels scaled by `factor`, at least one.

    Parameters
    ----------
    size : int
        Number of pixels along one axis.
    factor : float
        Scale factor; `1 / stride` for the map of a level.

    Returns
    -------
    int
        `ceil(size * factor)`.

    Examples
    --------
    >>> from skmultigran._levels import ceil_size
    >>> ceil_size(9, 0.5)
    5
    """
    return max(1, math.ceil(size * factor - _TOLERANCE))


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a pyramid of maps.

    Parameters
    ----------
    channels : int
        Number of channels of the level's map.
    stride : float
        Distance of two neighbours of the map, in pixels of the original image. May be
        fractional: a level of stride 4 of an image resized by 1.5 has stride 4 / 1.5.

    Examples
    --------
    >>> from skmultigran import Level
    >>> Level(channels=64, stride=4).map_size((9, 32))
    (3, 8)
    """

    channels: int
    stride: float

    def map_size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Return the `(height, width)` of this level's map of an image.

        Parameters
        ----------
        image_size : tuple of int
            `(height, width)` of the original image.

        Returns
        -------
        tuple of int
            `ceil(size / stride)` along each axis.
        """
        height, width = image_size
        return ceil_size(height, 1 / self.stride), ceil_size(width, 1 / self.stride)


def check_levels(levels: Sequence[Level], owner: str) -> tuple[Level, ...]:
    """Return `levels` as a tuple, having checked the rules of a pyramid.

    Parameters
    ----------
    levels : sequence of Level
        Levels from fine to coarse.
    owner : str
        Name of the part that the levels are given to, for the message.

    Returns
    -------
    tuple of Level
        The same levels.

    Raises
    ------
    ValueError
        If there is no level, or if the strides decrease.
    """
    levels = tuple(levels)
    if not levels:
        raise ValueError(f"{owner} got no level; it needs at least one.")
    strides = [level.stride for level in levels]
    if strides != sorted(strides):
        raise ValueError(
            f"{owner} got levels of strides {strides}; strides must never decrease "
            "from fine to coarse. Sort the levels by stride."
        )
    return levels


def common_multiple(levels: Sequence[Level], owner: str) -> int:
    """Return the least number of pixels that is a multiple of all strides.

    Parameters
    ----------
    levels : sequence of Level
        Levels from fine to coarse.
    owner : str
        Name of the part that needs it, for the message.

    Returns
    -------
    int
        The number of pixels.

    Raises
    ------
    ValueError
        If it is more than 16 of the coarsest strides.

    Examples
    --------
    >>> from skmultigran._levels import Level, common_multiple
    >>> common_multiple([Level(8, 2), Level(8, 4), Level(8, 4 / 0.75)], "the example")
    16
    """
    strides = [
        Fraction(level.stride).limit_denominator(_LARGEST_DENOMINATOR)
        for level in levels
    ]
    numerators = math.lcm(*(stride.numerator for stride in strides))
    denominators = math.gcd(*(stride.denominator for stride in strides))
    multiple = Fraction(numerators, denominators).numerator
    if multiple > _MOST_STRIDES * strides[-1]:
        raise ValueError(
            f"{owner} got levels of strides {[float(stride) for stride in strides]}, "
            f"whose maps meet only every {multiple} pixels. It needs images of a "
            "multiple of that. Take scales that are simple fractions, such as 0.5, "
            "2 / 3 or 0.75."
        )
    return multiple
