"""Images in another unit than those of fit are named, all others are left in peace."""

import numpy as np
import pytest

from skmultigran.images import (
    ImageSource,
    ValueRange,
    open_images,
    typical_high,
    warn_of_other_unit,
)

GENERATOR = np.random.default_rng(0)
BYTES = GENERATOR.integers(0, 256, (20, 6, 7), dtype=np.uint8)
FLOATS = BYTES / 255
MASKS = (BYTES > 127).astype(np.uint8)
SMALL = "next to nothing in the unit of fit: there 0 and 255 became"
BEYOND = "far beyond the unit of fit"


def check(fitted, later, value_range="auto"):
    fitted, later = open_images(fitted, owner="Me"), open_images(later, owner="Me")
    learned = ValueRange.learn(fitted, value_range)
    high = typical_high(fitted, learned) if value_range == "auto" else None
    warn_of_other_unit(ImageSource(later, learned, (6, 7)), high, "Me")


@pytest.mark.parametrize(
    ("fitted", "later", "message"),
    [
        (BYTES, FLOATS, SMALL),
        (BYTES, FLOATS.astype(np.float32), SMALL),
        (BYTES, FLOATS[:1], SMALL),
        (BYTES, BYTES / 256, SMALL),
        (BYTES, BYTES / 127.5 - 1, SMALL),
        (BYTES.astype(float), FLOATS, "next to nothing"),
        ((BYTES * 257.0).astype(np.uint16), FLOATS[:1], "next to nothing"),
        (list(BYTES), list(FLOATS), SMALL),
        (FLOATS, BYTES.astype(float), BEYOND),
        (FLOATS, BYTES.astype(np.int64), BEYOND),
        (FLOATS, BYTES[:1].astype(np.float16), BEYOND),
        (MASKS.astype(bool), BYTES.astype(float), BEYOND),
        (BYTES // 16 / 1.0, BYTES, BEYOND),
        (BYTES, BYTES * 257.0, BEYOND),
    ],
)
def test_another_unit_is_named(fitted, later, message):
    with pytest.warns(UserWarning, match=rf"Me got images .*{message}.*value_range="):
        check(fitted, later)


@pytest.mark.parametrize(
    ("fitted", "later"),
    [
        (BYTES, BYTES),
        (BYTES, BYTES.astype(float)),
        (BYTES, BYTES // 128),
        (BYTES, (BYTES // 128).astype(float)),
        (BYTES, BYTES[:1] * 0.004),
        (BYTES, BYTES[:3] * 0.003),
        (BYTES, np.full((20, 6, 7), 0.4)),
        (BYTES, np.zeros((20, 6, 7))),
        (BYTES, (BYTES * 257.0).astype(np.uint16)),
        (BYTES // 10, FLOATS),
        (MASKS, MASKS * 0.7),
        (MASKS, MASKS.astype(float)),
        (FLOATS, BYTES),
        (FLOATS, FLOATS * 3 - 1),
        (FLOATS, BYTES[:1] // 100 * 1.0),
        (FLOATS, np.zeros((20, 6, 7))),
        (BYTES.astype(float), BYTES),
        (BYTES.astype(float), BYTES * 2.0),
        (np.where(np.arange(20)[:, None, None] % 2, BYTES, FLOATS), FLOATS),
    ],
)
def test_images_that_are_taken_rightly_cause_no_warning(fitted, later):
    check(fitted, later)


def test_a_given_range_is_believed():
    check(BYTES, FLOATS, (0, 255))
    check(FLOATS, BYTES.astype(float), (0, 1))


def test_few_of_many_images_are_read():
    many = open_images(np.zeros((5000, 6, 7)), owner="Me")
    seen = []
    many.batches = lambda rows: seen.extend(rows) or iter([many.array[rows]])
    warn_of_other_unit(
        ImageSource(many, ValueRange(0.0, 255.0, by_dtype=True), (6, 7)), 255.0, "Me"
    )
    assert 1 < len(seen) < 50
    assert (min(seen), max(seen)) == (0, 4999)
