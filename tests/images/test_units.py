"""Images in another unit than those of fit are named, all others are left in peace."""

import numpy as np
import pytest

from skmultigran.images import (
    ImageSource,
    ValueRange,
    open_images,
    typical_high,
    warn_of_other_unit,
    warn_of_thin_range,
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


WORDS = BYTES.astype(np.uint16) * 257


@pytest.mark.parametrize(
    ("fitted", "later", "message"),
    [
        (BYTES, BYTES.astype(np.int16), "up to 255, a much smaller .*: 32767 becomes"),
        (BYTES, BYTES[:1].astype(np.uint16), "smaller .*: 65535 becomes 1, but 255"),
        (BYTES // 16, (BYTES // 16).astype(np.int16), "up to 15, a much smaller"),
        (BYTES, BYTES.astype(np.uint16) * 4, "up to 1020, a much smaller"),
        (BYTES.astype(np.int16), BYTES, "larger .*: 255 becomes 1, but 32767 did"),
        ((BYTES // 16).astype(np.uint16), BYTES // 16, "up to 15, a much larger"),
        (FLOATS, BYTES.astype(np.uint16), "smaller .*: 65535 becomes 1, but 1 did"),
        (MASKS.astype(bool), MASKS, "up to 1, a much smaller .*: 255 becomes 1, but 1"),
        (MASKS, MASKS.astype(bool), "larger .*: 1 becomes 1, but 255 did"),
        (list(BYTES), list(BYTES.astype(np.int16)), "smaller"),
    ],
)
def test_another_type_for_the_same_values_is_named(fitted, later, message):
    with pytest.warns(UserWarning, match=rf"images of type .*{message}.*value_range="):
        check(fitted, later)


@pytest.mark.parametrize(
    ("fitted", "later"),
    [
        (BYTES, WORDS),
        (WORDS, BYTES),
        (BYTES, WORDS // 32),
        (BYTES, WORDS[:1] // 100),
        (BYTES, WORDS * 0),
        (BYTES // 64, WORDS // 64),
        (WORDS, BYTES // 100),
        (WORDS // 100, BYTES // 32),
        (FLOATS, WORDS),
        (FLOATS, BYTES[:1] // 100),
        (MASKS.astype(bool), MASKS * np.uint8(255)),
        (BYTES.view(np.int8), BYTES),
        (BYTES, BYTES.view(np.int8)),
    ],
)
def test_other_types_that_are_right_cause_no_warning(fitted, later):
    check(fitted, later)


@pytest.mark.parametrize(
    ("fitted", "message"),
    [
        (BYTES.astype(np.uint16) * 16, "type uint16 with values from 0 to 4080, less"),
        (BYTES.astype(np.int16), "type int16 with values from 0 to 255, less"),
        (list(BYTES.astype(np.uint16)), "to 255, less than a sixteenth"),
    ],
)
def test_integers_that_use_little_of_their_type_are_named(fitted, message):
    images = open_images(fitted, owner="Me")
    with pytest.warns(UserWarning, match=rf"Me got images .*{message}.*value_range="):
        warn_of_thin_range(images, ValueRange.learn(images), "Me")


@pytest.mark.parametrize(
    ("fitted", "value_range"),
    [
        (WORDS, "auto"),
        (WORDS // 15, "auto"),
        (BYTES // 64, "auto"),
        (WORDS * 0, "auto"),
        (BYTES.astype(np.int64), "auto"),
        (BYTES * 1.0, "auto"),
        (BYTES.astype(np.uint16), (0, 255)),
    ],
)
def test_integers_that_use_their_type_cause_no_warning(fitted, value_range):
    images = open_images(fitted, owner="Me")
    warn_of_thin_range(images, ValueRange.learn(images, value_range), "Me")


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
