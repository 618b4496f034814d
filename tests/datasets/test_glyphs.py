"""Digits drawn at any size: exact boxes, and the digit that they were."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skmultigran.datasets._glyphs import (
    MARGIN,
    draw_glyph,
    glyph_shape,
    handwritten_digits,
)

DIGITS = handwritten_digits()


def drawn(number, size):
    shape = glyph_shape(DIGITS.boxes[number], size)
    return shape, draw_glyph(DIGITS.images[number], DIGITS.boxes[number], shape)


@pytest.mark.parametrize("size", [8, 9, 13, 24, 64, 150])
def test_a_digit_touches_all_sides_of_its_box_and_nothing_else(size):
    for number in range(0, len(DIGITS.labels), 29):
        shape, glyph = drawn(number, size)
        assert max(shape) == size
        ys, xs = np.nonzero(glyph.inside)
        assert (ys.min(), xs.min()) == (MARGIN, MARGIN)
        assert (ys.max() + 1, xs.max() + 1) == (shape[0] + MARGIN, shape[1] + MARGIN)


@pytest.mark.parametrize("size", [8, 20, 64])
def test_ink_is_opaque_inside_and_fades_within_the_margin(size):
    for number in range(0, 300, 17):
        _, glyph = drawn(number, size)
        assert glyph.opacity.min() == 0
        assert 0.8 < glyph.opacity.max() <= 1
        assert glyph.opacity[glyph.inside].min() >= 0.5
        assert glyph.opacity[~glyph.inside].max() < 0.5


def test_large_digits_are_sharp():
    # The share of pixels neither inside nor outside falls as a digit grows.
    def soft(size):
        opacity = drawn(0, size)[1].opacity
        return ((opacity > 0.05) & (opacity < 0.95)).mean()

    assert soft(64) < 0.6 * soft(16)


def test_digits_are_scikit_learns_and_cannot_be_changed():
    X, y = load_digits(return_X_y=True)
    assert (DIGITS.images.reshape(-1, 64) * 16 == X).all()
    assert (DIGITS.labels == y).all()
    with pytest.raises(ValueError, match="read-only"):
        DIGITS.images[0, 0, 0] = 1
