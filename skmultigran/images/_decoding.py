"""Pictures of Pillow as arrays: what their modes mean."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skmultigran._support import import_optional

# Pillow's modes that hold one value per pixel, and the type of that value.
_GREY_DTYPES: dict[str, np.dtype] = {
    "1": np.dtype(np.uint8),
    "L": np.dtype(np.uint8),
    "LA": np.dtype(np.uint8),
    "La": np.dtype(np.uint8),
    "I": np.dtype(np.int32),
    "F": np.dtype(np.float32),
}
_TRANSPARENT = ("LA", "La", "RGBA", "RGBa", "PA")
_ORIENTATION = 0x0112
# Names of Pillow's transpositions that undo each orientation.
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_TURNED_A_QUARTER = (5, 6, 7, 8)
# All that Pillow, tifffile and the codecs below them raise for damaged images.
_DAMAGE: tuple[type[Exception], ...] = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error),
    *(LookupError, TypeError, ArithmeticError, MemoryError, RuntimeError),
    *(AttributeError, AssertionError),
)


class UnreadableImageError(ValueError):
    """An image that cannot be read; the message is the reason alone."""


@contextlib.contextmanager
def damage_named(reason: str) -> Iterator[None]:
    """Make one kind of error of the many that decoders raise for damaged images.

    Parameters
    ----------
    reason : str
        What went wrong; what the decoder says is put behind it in brackets.

    Yields
    ------
    None

    Raises
    ------
    UnreadableImageError
        If the block raises what damaged images lead to.

    Examples
    --------
    >>> from skmultigran.images._decoding import damage_named
    >>> try:
    ...     with damage_named("the example cannot be decoded"):
    ...         raise OSError("cut off")
    ... except ValueError as error:
    ...     print(error)
    the example cannot be decoded (cut off)
    """
    try:
        yield
    except UnreadableImageError:
        raise
    except _DAMAGE as error:
        # The system's own errors, such as a refused permission, are no damage.
        system = isinstance(error, OSError) and error.strerror
        raise UnreadableImageError(system or f"{reason} ({error})") from error


class ImageFacts(NamedTuple):
    """What is known of an image before its pixels are read."""

    height: int
    width: int
    channels: int
    dtype: np.dtype

    @classmethod
    def of(cls, array: np.ndarray) -> ImageFacts:
        """Return the facts of an image `(h, w, c)`."""
        height, width, channels = array.shape
        return cls(height, width, channels, array.dtype)


def picture_facts(picture) -> ImageFacts:
    """Return size, channels and type of a picture, as `picture_array` will give it.

    Parameters
    ----------
    picture : PIL.Image.Image
        The picture; its pixels are not read.

    Returns
    -------
    ImageFacts
        Its facts.
    """
    width, height = picture.size
    if _orientation(picture) in _TURNED_A_QUARTER:
        height, width = width, height
    dtype = _grey_dtype(picture.mode)
    if dtype is None:
        return ImageFacts(height, width, 3, np.dtype(np.uint8))
    return ImageFacts(height, width, 1, dtype)


def picture_array(picture) -> np.ndarray:
    """Return a picture as an array, turned as its EXIF data says.

    Pictures of one value per pixel have one channel, all others become RGB: palettes,
    CMYK and other colour spaces are converted. What is transparent lies on white.

    Parameters
    ----------
    picture : PIL.Image.Image
        The picture; it stays as it is.

    Returns
    -------
    ndarray of shape (h, w, 1) or (h, w, 3)
        uint8; uint16, int32 or float32 for pictures of 16 or 32 bits.

    Examples
    --------
    >>> from PIL import Image
    >>> from skmultigran.images._decoding import picture_array
    >>> picture_array(Image.new("CMYK", (4, 2))).shape
    (2, 4, 3)
    """
    image = import_optional("PIL.Image", caller="Reading an image", extra="images")
    turn = _TURNS.get(_orientation(picture))
    if turn:
        picture = picture.transpose(image.Transpose[turn])
    grey = _grey_dtype(picture.mode) is not None
    if picture.mode in _TRANSPARENT or "transparency" in picture.info:
        picture = _on_white(picture)
    if not grey:
        array = np.asarray(picture.convert("RGB"))
    elif picture.mode in ("1", "RGBA"):
        array = np.asarray(picture.convert("L"))
    else:
        array = np.asarray(picture)
    # Pillow's arrays are read-only, and 16-bit ones may have the file's byte order.
    array = np.array(array, dtype=array.dtype.newbyteorder("="))
    return array if array.ndim == 3 else array[:, :, None]


def _grey_dtype(mode: str) -> np.dtype | None:
    if mode.startswith("I;16"):
        return np.dtype(np.uint16)
    return _GREY_DTYPES.get(mode)


def _orientation(picture) -> int:
    # For some formats getexif() reads the whole file, so it is asked only where the
    # header has brought EXIF data. Pillow itself turns TIFF files, also their `size`.
    if "exif" not in picture.info or picture.format == "TIFF":
        return 1
    try:
        return picture.getexif().get(_ORIENTATION, 1)
    except _DAMAGE:
        # Damaged EXIF data do not harm the pixels.
        return 1


def _on_white(picture):
    if picture.mode.startswith(("I", "F")):
        # A transparent value of 16 or 32 bits: no alpha to blend by.
        return picture
    image = import_optional("PIL.Image", caller="Reading an image", extra="images")
    if picture.mode == "La":
        picture = picture.convert("LA")
    layer = picture.convert("RGBA")
    return image.alpha_composite(image.new("RGBA", layer.size, "white"), layer)
