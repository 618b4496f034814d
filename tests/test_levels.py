"""The size of a level's map, and the rules of a pyramid."""

import dataclasses
import math
from fractions import Fraction

import pytest

from skmultigran import Level
from skmultigran._levels import ceil_size, check_levels


@pytest.mark.parametrize(
    ("size", "factor", "expected"),
    [(9, 0.5, 5), (8, 0.5, 4), (1, 0.01, 1), (100, 0.55, 55), (3, 1.5, 5), (7, 1, 7)],
)
def test_known_sizes(size, factor, expected):
    assert ceil_size(size, factor) == expected


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 32])
@pytest.mark.parametrize("scale", ["0.25", "0.5", "0.55", "0.7", "1.1", "1.5", "3"])
def test_map_size_is_exact_arithmetic(stride, scale):
    level = Level(1, stride / float(scale))
    exact = [math.ceil(size * Fraction(scale) / stride) for size in range(1, 400)]
    assert [level.map_size((size, 1))[0] for size in range(1, 400)] == exact


def test_height_and_width_keep_their_order():
    assert Level(64, 4).map_size((9, 32)) == (3, 8)


def test_level_is_a_value():
    level = Level(8, 2)
    assert {level, Level(8, 2.0)} == {level}
    with pytest.raises(dataclasses.FrozenInstanceError):
        level.stride = 4


def test_levels_come_back_as_a_tuple_with_equal_strides_allowed():
    levels = [Level(8, 2), Level(4, 2), Level(8, 4)]
    assert check_levels(levels, "Owner") == tuple(levels)


def test_no_level():
    with pytest.raises(ValueError, match="Owner got no level; it needs at least one"):
        check_levels([], "Owner")


def test_decreasing_strides():
    with pytest.raises(ValueError, match=r"Owner got .* \[4, 2\]; strides must never"):
        check_levels([Level(8, 4), Level(8, 2)], "Owner")
