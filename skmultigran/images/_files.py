"""Image files: a quick look at the header, and the pixels."""

from __future__ import annotations

import functools
import math
import os
import time

import numpy as np

from skmultigran._support import import_optional
from skmultigran.images._decoding import (
    ImageFacts,
    UnreadableImageError,
    damage_named,
    picture_array,
    picture_facts,
)

# How each format ends, and how far from the end of the file that is searched. JPEG
# files may have more behind it; the end of a GIF is one byte that occurs everywhere.
_END_MARKERS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND"}
_TAIL = 1024
# Nanoseconds after which a file that is written again has another time.
_CLOCK_TICK = 2 * 10**9
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class _UnknownFormatError(UnreadableImageError):
    """A file of no format that Pillow knows."""


def probe_file(path: str) -> ImageFacts:
    """Return the facts of an image file from its header.

    The end of the file is looked at too: a file without its format's end marker is
    decoded to see whether it was cut off.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    ImageFacts
        Size, channels and type.

    Raises
    ------
    UnreadableImageError
        If the file is missing, empty, no image, cut off or suspiciously large.
    """
    _check_file(path)
    state = settled_state(path)
    return _probed(path) if state is None else _known_facts(*state)


def settled_state(path: str) -> tuple | None:
    """Return what tells a file, as it is now, from any other and from later changes.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    tuple or None
        The absolute path first, since another folder may become the current one; then
        size, times and number of the file. None for a file that was written just now:
        it may be written once more without a change of its times.
    """
    state = os.stat(path)
    times = state.st_mtime_ns, state.st_ctime_ns
    if time.time_ns() - max(times) < _CLOCK_TICK:
        return None
    return os.path.abspath(path), state.st_size, *times, state.st_ino, state.st_dev


@functools.lru_cache(maxsize=2**17)
def _known_facts(path: str, *state: int) -> ImageFacts:
    """Probe a file; a good one that has not changed is not opened again."""
    return _probed(path)


def _probed(path: str) -> ImageFacts:
    try:
        with _opened(path) as picture:
            facts = picture_facts(picture)
            whole = _has_end(path, picture.format)
    except _UnknownFormatError:
        return ImageFacts.of(read_file(path))
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
    UnreadableImageError
        If the file is missing, empty, damaged, no image or suspiciously large.
    """
    _check_file(path)
    try:
        with _opened(path) as picture, damage_named("Pillow cannot decode it"):
            return picture_array(picture)
    except _UnknownFormatError:
        if not _is_tiff(path):
            raise
        return _read_tiff(path)


def _check_file(path: str) -> None:
    with damage_named("it is no path"):
        size = os.stat(path).st_size
    if os.path.isdir(path):
        raise UnreadableImageError("it is a folder")
    if size == 0:
        raise UnreadableImageError("the file is empty")


def _opened(path: str):
    """Open a file with Pillow; its pixels are not read yet."""
    image = import_optional("PIL.Image", caller="Reading image files", extra="images")
    try:
        with damage_named("its header is damaged"):
            picture = _identified(path, image)
    except (image.DecompressionBombWarning, image.DecompressionBombError) as error:
        raise _too_large(str(error)) from error
    # Pillow itself only warns of such files. Its warning is not made an error: filters
    # of warnings are shared by all threads.
    limit = image.MAX_IMAGE_PIXELS
    if limit is not None and math.prod(picture.size) > limit:
        picture.close()
        raise _too_large(f"it has {math.prod(picture.size)} pixels of at most {limit}")
    return picture


def _identified(path: str, image):
    try:
        return image.open(path)
    except image.UnidentifiedImageError as error:
        message = "it is no image of a format that Pillow knows"
        raise _UnknownFormatError(message) from error


def _too_large(reason: str) -> UnreadableImageError:
    return UnreadableImageError(
        f"{reason}; if you trust the file, raise PIL.Image.MAX_IMAGE_PIXELS"
    )


def _has_end(path: str, kind: str) -> bool:
    if kind not in (*_END_MARKERS, "GIF"):
        return True
    with open(path, "rb") as file:
        file.seek(max(0, os.stat(path).st_size - _TAIL))
        tail = file.read()
    return tail.endswith(b";") if kind == "GIF" else _END_MARKERS[kind] in tail


def _is_tiff(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) in _TIFF_STARTS


def _read_tiff(path: str) -> np.ndarray:
    tifffile = import_optional("tifffile", caller="Reading TIFF files", extra="images")
    with (
        damage_named("tifffile cannot decode it"),
        tifffile.TiffFile(path) as file,
    ):
        series = file.series[0]
        axes, array = series.axes, series.asarray()
    channels = axes.translate(str.maketrans("", "", "YX"))
    flat = len(axes) - len(channels) == 2 and array.ndim == len(axes)
    if not flat or channels not in ("", "S", "C") or array.dtype.kind not in "biuf":
        raise UnreadableImageError(
            f"it is a TIFF of axes {axes!r}, shape {array.shape} and type "
            f"{array.dtype}, not one image of real numbers"
        )
    if channels:
        return np.ascontiguousarray(np.moveaxis(array, axes.index(channels), -1))
    return array[:, :, None]
