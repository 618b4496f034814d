"""What each mode of Pillow's pictures becomes, against pixels written by hand."""

import numpy as np
import pytest

from skmultigran.images import open_images
from skmultigran.images._decoding import (
    ImageFacts,
    UnreadableImageError,
    damage_named,
    picture_array,
    picture_facts,
)

Image = pytest.importorskip("PIL.Image")

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def picture(mode, values):
    """Return a picture of one line."""
    made = Image.new(mode, (len(values), 1))
    made.putdata(values)
    return made


def palette(indices, **info):
    made = picture("P", indices)
    made.putpalette([*RED, *GREEN, *BLUE])
    made.info.update(info)
    return made


def tagged(made, **info):
    made.info.update(info)
    return made


# A picture, the pixels of its only line, and their type.
MODES = {
    "1": (picture("1", [0, 1]), [0, 255], np.uint8),
    "L": (picture("L", [7, 200]), [7, 200], np.uint8),
    "L with a transparent value": (
        tagged(picture("L", [7, 200]), transparency=7),
        [255, 200],
        np.uint8,
    ),
    "LA": (picture("LA", [(10, 255), (10, 0), (0, 51)]), [10, 255, 204], np.uint8),
    "La": (picture("LA", [(10, 255), (10, 0)]).convert("La"), [10, 255], np.uint8),
    "P": (palette([0, 2]), [RED, BLUE], np.uint8),
    "P with a transparent index": (
        palette([0, 1], transparency=1),
        [RED, WHITE],
        np.uint8,
    ),
    "P with bytes of transparency": (
        palette([0, 1, 2], transparency=bytes([255, 0, 51])),
        [RED, WHITE, (204, 204, 255)],
        np.uint8,
    ),
    "RGB": (picture("RGB", [(1, 2, 3), GREEN]), [(1, 2, 3), GREEN], np.uint8),
    "RGB with a transparent colour": (
        tagged(picture("RGB", [(1, 2, 3), GREEN]), transparency=GREEN),
        [(1, 2, 3), WHITE],
        np.uint8,
    ),
    "RGBA": (
        picture("RGBA", [(1, 2, 3, 255), (1, 2, 3, 0), (0, 0, 0, 51)]),
        [(1, 2, 3), WHITE, (204, 204, 204)],
        np.uint8,
    ),
    "RGBa": (
        picture("RGBA", [(1, 2, 3, 255), (1, 2, 3, 0)]).convert("RGBa"),
        [(1, 2, 3), WHITE],
        np.uint8,
    ),
    "PA": (palette([0, 1]).convert("PA"), [RED, GREEN], np.uint8),
    "CMYK": (
        picture("CMYK", [(0, 255, 255, 0), (0, 0, 0, 255)]),
        [RED, (0, 0, 0)],
        np.uint8,
    ),
    "YCbCr": (picture("YCbCr", [(77, 128, 128)]), [(77, 77, 77)], np.uint8),
    "HSV": (picture("HSV", [(0, 255, 255), (0, 0, 9)]), [RED, (9, 9, 9)], np.uint8),
    "I;16": (picture("I;16", [3, 60000]), [3, 60000], np.uint16),
    "I;16B": (
        Image.frombytes("I;16B", (2, 1), bytes([0, 3, 234, 96])),
        [3, 60000],
        np.uint16,
    ),
    "I": (picture("I", [-3, 100000]), [-3, 100000], np.int32),
    "F": (picture("F", [-0.5, 1e6]), [-0.5, 1e6], np.float32),
}


@pytest.mark.parametrize(("made", "pixels", "dtype"), MODES.values(), ids=MODES)
def test_every_mode_becomes_grey_or_rgb(made, pixels, dtype):
    expected = np.array(pixels, dtype=dtype).reshape(1, len(pixels), -1)
    array = picture_array(made)
    np.testing.assert_array_equal(array, expected, strict=True)
    assert picture_facts(made) == ImageFacts.of(expected)
    assert array.flags.writeable
    assert array.dtype.isnative


def test_16_bits_with_a_transparent_value_keep_their_values():
    made = tagged(picture("I;16", [3, 60000]), transparency=3)
    assert picture_array(made).ravel().tolist() == [3, 60000]


# Orientation to how the upright picture [[1, 2, 3], [4, 5, 6]] is stored.
STORED = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[3, 6], [2, 5], [1, 4]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[4, 1], [5, 2], [6, 3]],
}


def turned(orientation, pixels, mode=None):
    made = Image.fromarray(np.array(pixels, dtype=np.uint8)).convert(mode or "L")
    exif = Image.Exif()
    exif[0x0112] = orientation
    made.info["exif"] = exif.tobytes()
    return made


@pytest.mark.parametrize("orientation", STORED)
def test_pictures_are_turned_as_their_exif_data_say(orientation):
    made = turned(orientation, STORED[orientation])
    before = made.tobytes()
    assert picture_array(made)[:, :, 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert picture_facts(made)[:2] == (2, 3)
    assert made.tobytes() == before
    assert made.getexif()[0x0112] == orientation


@pytest.mark.parametrize("mode", ["1", "RGB", "I;16", "F", "LA"])
def test_every_mode_can_be_turned(mode):
    made = turned(6, np.zeros((2, 3)), mode)
    assert picture_array(made).shape[:2] == (3, 2)


@pytest.mark.parametrize("orientation", [0, 9, 60000])
def test_unknown_orientations_turn_nothing(orientation):
    made = turned(orientation, STORED[1])
    assert picture_array(made)[:, :, 0].tolist() == STORED[1]


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0XX*\0", b"no such data"])
def test_damaged_exif_data_do_not_harm_the_pixels(exif):
    made = tagged(picture("L", [1, 2]), exif=exif)
    assert picture_array(made).ravel().tolist() == [1, 2]
    assert picture_facts(made)[:2] == (1, 2)


def test_pictures_and_arrays_can_share_a_list():
    images = open_images([picture("L", [1, 2]), np.zeros((3, 3), np.uint8)], owner="Me")
    assert images.channels == 1
    assert images.sizes.tolist() == [[1, 2], [3, 3]]
    assert images.read(0).tolist() == [[[1], [2]]]


def test_a_picture_that_is_cut_off_is_named_by_its_row(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    path = tmp_path / "whole.png"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with Image.open(path) as lazy:
        images = open_images([picture("RGB", [RED]), lazy], owner="Me")
        with pytest.raises(ValueError, match=r"Me cannot read row 1: Pillow cannot"):
            images.read(1)
        kept = open_images(
            [picture("RGB", [RED]), lazy], owner="Me", collect_problems=True
        )
        assert list(kept.problems) == [1]


def test_pictures_of_nan_are_refused_when_they_are_read():
    images = open_images([picture("F", [0.5]), picture("F", [np.nan])], owner="Me")
    with pytest.raises(ValueError, match=r"row 1: it has NaN or infinite pixels\. Rep"):
        images.read(1)


def test_a_refused_permission_is_no_damage():
    with (
        pytest.raises(UnreadableImageError, match="^Permission denied$"),
        damage_named("its header is damaged"),
    ):
        raise PermissionError(13, "Permission denied", "a.png")


def test_missing_packages_and_interruptions_are_no_damage():
    for error in (ImportError, KeyboardInterrupt):
        with pytest.raises(error, match="other"), damage_named("damaged"):
            raise error("other")
