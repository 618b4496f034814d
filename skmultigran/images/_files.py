"""Image files: a quick look at the header, and the pixels."""

from __future__ import annotations

import contextlib
import os
import struct
import warnings
from collections.abc import Iterator

import numpy as np

from skmultigran._support import import_optional
from skmultigran.images._decoding import ImageFacts, picture_array, picture_facts

# How each format ends, and how far from the end of the file that is searched.
_END_MARKERS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND", "GIF": b";"}
_TAIL = 1024
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# All that Pillow and tifffile raise for damaged files.
_DAMAGE: tuple[type[Exception], ...] = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError),
    *(KeyError, TypeError, OverflowError, MemoryError, NotImplementedError),
)


class ImageFileError(ValueError):
    """A file that cannot be read as an image; the message is the reason alone."""


class _UnknownFormatError(ImageFileError):
    """A file of no format that Pillow knows."""


@contextlib.contextmanager
def too_large_files_refused() -> Iterator[None]:
    """Let `probe_file` raise for files that Pillow only warns of: suspiciously large.

    Warning filters are shared by all threads, so this stands around the threads that
    probe, not in them.

    Yields
    ------
    None
    """
    image = import_optional("PIL.Image", caller="Reading image files", extra="images")
    with warnings.catch_warnings():
        warnings.simplefilter("error", image.DecompressionBombWarning)
        yield


def probe_file(path: str, *, decode: bool = False) -> ImageFacts:
    """Return the facts of an image file from its header.

    The end of the file is looked at too: a file without its format's end marker is
    decoded to see whether it was cut off.

    Parameters
    ----------
    path : str
        The file.
    decode : bool, default=False
        Whether to decode every file.

    Returns
    -------
    ImageFacts
        Size, channels and type.

    Raises
    ------
    ImageFileError
        If the file is missing, empty, no image, cut off or suspiciously large.
    """
    _check_file(path)
    try:
        with _opened(path) as picture:
            facts = picture_facts(picture)
            whole = not decode and _has_end(path, picture.format)
    except _UnknownFormatError:
        array = read_file(path)
        return ImageFacts.of(array)
    if not whole:
        read_file(path)
    return facts


def read_file(path: str) -> np.ndarray:
    """Return the pixels of an image file.

    Pillow reads the formats it knows, of several frames the first. TIFF files of other
    kinds (more than four channels, unusual types) are read by tifffile.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    ndarray of shape (h, w, c)
        As `picture_array` gives it; of a TIFF that Pillow does not read all channels,
        in their own type.

    Raises
    ------
    ImageFileError
        If the file is missing, empty, damaged or no image.
    """
    _check_file(path)
    try:
        with _opened(path) as picture:
            return _decoded(picture)
    except _UnknownFormatError:
        if not _is_tiff(path):
            raise
        return _read_tiff(path)


def _check_file(path: str) -> None:
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise ImageFileError(f"{error.strerror or error}") from error
    except ValueError as error:
        raise ImageFileError(f"{error}") from error
    if os.path.isdir(path):
        raise ImageFileError("it is a folder")
    if size == 0:
        raise ImageFileError("the file is empty")


def _opened(path: str):
    """Open a file with Pillow; its pixels are not read yet."""
    image = import_optional("PIL.Image", caller="Reading image files", extra="images")
    try:
        return image.open(path)
    except (image.DecompressionBombWarning, image.DecompressionBombError) as error:
        raise ImageFileError(
            f"{error}; if you trust the file, raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from error
    except image.UnidentifiedImageError as error:
        message = "it is no image of a format that Pillow knows"
        raise _UnknownFormatError(message) from error
    except _DAMAGE as error:
        raise ImageFileError(f"its header is damaged ({error})") from error


def _decoded(picture) -> np.ndarray:
    try:
        return picture_array(picture)
    except _DAMAGE as error:
        raise ImageFileError(f"Pillow cannot decode it ({error})") from error


def _has_end(path: str, kind: str) -> bool:
    marker = _END_MARKERS.get(kind)
    if marker is None:
        return True
    with open(path, "rb") as file:
        file.seek(max(0, os.stat(path).st_size - _TAIL))
        return marker in file.read()


def _is_tiff(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) in _TIFF_STARTS


def _read_tiff(path: str) -> np.ndarray:
    tifffile = import_optional("tifffile", caller="Reading TIFF files", extra="images")
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            axes, array = series.axes, series.asarray()
    except _DAMAGE as error:
        raise ImageFileError(f"tifffile cannot decode it ({error})") from error
    channels = axes.translate(str.maketrans("", "", "YX"))
    if channels not in ("", "S", "C") or array.dtype.kind not in "biuf":
        raise ImageFileError(
            f"it is a TIFF of axes {axes!r} and type {array.dtype}, not one image of "
            "real numbers"
        )
    if channels:
        return np.ascontiguousarray(np.moveaxis(array, axes.index(channels), -1))
    return array[:, :, None]
