"""Places of boxes, beside every place tried one by one."""

from itertools import product

import numpy as np
import pytest

from skmultigran.datasets._placing import free_place


def allowed(top, left, shape, boxes, max_overlap):
    """Whether a place is free, by counting pixels."""
    pixels = set(product(range(top, top + shape[0]), range(left, left + shape[1])))
    for x0, y0, x1, y1 in boxes:
        other = set(product(range(y0, y1), range(x0, x1)))
        if len(pixels & other) > max_overlap * min(len(pixels), len(other)):
            return False
    return True


@pytest.mark.parametrize("max_overlap", [0.0, 0.25, 0.5])
def test_all_free_places_are_drawn_and_no_other(max_overlap, seed):
    rng = np.random.default_rng(seed)
    size, shape = (7, 9), (3, 2)
    boxes = [(1, 1, 4, 4), (6, 3, 8, 7)]
    expected = {
        (top, left)
        for top, left in product(range(5), range(8))
        if allowed(top, left, shape, boxes, max_overlap)
    }
    drawn = {free_place(rng, shape, boxes, size, max_overlap) for _ in range(600)}
    assert drawn == expected


def test_no_place_left():
    rng = np.random.default_rng(0)
    assert free_place(rng, (4, 4), [(2, 2, 3, 3)], (5, 5), 0.0) is None
    assert free_place(rng, (5, 5), [], (5, 5), 0.0) == (0, 0)
