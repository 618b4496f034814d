"""Whether images are in another unit than those of fit, such as X / 255 after X."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from skmultigran.images._collection import Images
from skmultigran.images._crops import CropSource
from skmultigran.images._listed import ListedImages
from skmultigran.images._source import ImageSource
from skmultigran.images._value_range import ValueRange

# So many images, evenly spread, are looked at, never more.
_IMAGES_SEEN = 16
# Black images with a little noise exist. So many, and nothing else, are another unit.
_TOO_MANY_DARK = 8
# Values within [-1, 1] are not in the unit of images that reach this.
_HIGH = 100
# Values beyond four times the range are not in its unit.
_WIDTHS_BEYOND = 4
# Scaled integers are multiples of one part of these, but for rounding.
_LARGEST_INTEGERS = (255, 65535)
_ROUNDING = 0.01
# Integers of another type that fill less than this of its range are in another unit,
# if those of fit filled so many times as much; and the other way round.
_SLIVER = 1 / 64
_TIMES_BRIGHTER = 16
# Integers of 16 bits are mostly of 12 bits or less where they fill less than this.
_THIN = 1 / 16


def typical_high(
    images: Images, value_range: ValueRange, rows: np.ndarray | None = None
) -> float:
    """Return the value that three quarters of the images reach, by a few of them.

    Files are not decoded for this: they are taken to reach the end of the range.

    Parameters
    ----------
    images : Images
        Images of fit.
    value_range : ValueRange
        The range learned from them.
    rows : ndarray of int or None, default=None
        Their rows; None: all.

    Returns
    -------
    float
        The quantile of their largest values.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import ValueRange, open_images, typical_high
    >>> images = np.array([0, 90, 95, 98, 99]).reshape(5, 1, 1)
    >>> images = open_images(images, owner="the example")
    >>> typical_high(images, ValueRange.learn(images))
    90.0
    """
    rows = _spread(np.arange(len(images)) if rows is None else rows)
    highs = np.full(len(rows), value_range.high)
    if isinstance(images, ListedImages):
        decoded = np.array([images.path(int(row)) is None for row in rows])
    else:
        decoded = np.ones(len(rows), dtype=bool)
    if decoded.any():
        found = [batch.max(axis=1) for batch in _flat(images, rows[decoded])]
        highs[decoded] = np.concatenate(found)
    return float(np.quantile(highs, 0.25))


def warn_of_other_unit(
    source: ImageSource | CropSource, high: float | None, owner: str
) -> None:
    """Warn where images are evidently in another unit than those of fit.

    A few of them are looked at, and only where their type does not say the unit, or is
    another one than in fit. Constant images, whole numbers and a few dark images never
    are evidence.

    Parameters
    ----------
    source : ImageSource or CropSource
        The images, with the range of fit.
    high : float or None
        The `typical_high` of the images of fit. None: the user gave their range, and
        nothing is checked.
    owner : str
        Name of the estimator, for the message.

    Warns
    -----
    UserWarning
        If the values are much smaller, or larger, than in fit, or fill a much smaller,
        or larger, part of the range of their type.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import ImageSource, ValueRange, open_images
    >>> from skmultigran.images import warn_of_other_unit
    >>> bytes = open_images(np.full((1, 2, 2), 255, np.uint8), owner="the example")
    >>> source = ImageSource(bytes, ValueRange.learn(bytes), (2, 2))
    >>> warn_of_other_unit(source, 255.0, "the example")
    """
    if high is not None:
        _warn_of_values(source, high, owner)
        _warn_of_type(source, high, owner)


def _warn_of_values(source: ImageSource | CropSource, high: float, owner: str) -> None:
    """Warn where types do not say the unit."""
    value_range = source.value_range
    unsaid = {t for t in source.images.dtypes if not value_range.is_of_type(t)}
    few = _few(source.images, source.rows, unsaid)
    if not few:
        return
    if _are_beyond(few, value_range.low, value_range.high):
        found = "are mostly far beyond"
    elif high >= _HIGH and _are_unit(few):
        found = "are all next to nothing in"
    else:
        return
    low, top = min(rows.min() for rows in few), max(rows.max() for rows in few)
    warnings.warn(
        f"{owner} got images of type {min(map(str, unsaid))} with values from "
        f"{low:g} to {top:g}, which {found} the unit of fit: there {value_range.low:g} "
        f"and {value_range.high:g} became 0 and 1, and floats later are taken in that "
        "unit. Pass images in the same unit as in fit; or, if these are right, fit "
        "with value_range=(low, high), the values that become 0 and 1.",
        UserWarning,
        stacklevel=4,
    )


def _warn_of_type(source: ImageSource | CropSource, high: float, owner: str) -> None:
    """Warn where types say another unit than in fit, but evidently are wrong."""
    value_range = source.value_range
    fitted = value_range.low, value_range.high
    said = filter(value_range.is_of_type, source.images.dtypes)
    for dtype in sorted(t for t in said if value_range.limits(t) != fitted):
        few = _few(source.images, source.rows, {dtype})
        highs = np.concatenate([rows.max(axis=1) for rows in few] or [np.zeros(1)])
        top = value_range.limits(dtype)[1]
        if _are_faint(highs, top, high, value_range.high):
            found = "smaller"
        elif _are_bright(highs, top, high, value_range.high):
            found = "larger"
        else:
            continue
        warnings.warn(
            f"{owner} got images of type {dtype} with values up to {highs.max():g}, a "
            f"much {found} part of the range of their type than in fit: {top:g} "
            f"becomes 1, but {value_range.high:g} did in fit. Pass images of the type "
            "of fit; or, if all have one unit, fit with value_range=(low, high), the "
            "values that become 0 and 1.",
            UserWarning,
            stacklevel=4,
        )


def warn_of_thin_range(
    images: Images,
    value_range: ValueRange,
    owner: str,
    rows: np.ndarray | None = None,
) -> None:
    """Warn where integers of 16 bits use a small part of them.

    It matters where nothing gets used to it: to fixed or pretrained filters the images
    are nearly black, or all grey.

    Parameters
    ----------
    images : Images
        Images of fit.
    value_range : ValueRange
        The range learned from them.
    owner : str
        Name of the estimator, for the message.
    rows : ndarray of int or None, default=None
        Their rows; None: all.

    Warns
    -----
    UserWarning
        If a few of them, of any brightness, fill less than a sixteenth of the range.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import ValueRange, open_images, warn_of_thin_range
    >>> images = open_images(np.full((1, 2, 2), 60000, np.uint16), owner="the example")
    >>> warn_of_thin_range(images, ValueRange.learn(images), "the example")
    """
    said = filter(value_range.is_of_type, images.dtypes)
    wide = {dtype for dtype in said if dtype.itemsize == 2}
    few = _few(images, np.arange(len(images)) if rows is None else rows, wide)
    if not few:
        return
    low, high = min(part.min() for part in few), max(part.max() for part in few)
    if 0 < high - low < _THIN * np.iinfo(np.uint16).max:
        warnings.warn(
            f"{owner} got images of type {min(map(str, wide))} with values from "
            f"{low:g} to {high:g}, less than a sixteenth of the range of the type, "
            "which becomes 0 to 1. The filters of the backbone are fixed or learned "
            "elsewhere, from images that fill it. Say with value_range=(low, high) "
            "which values are black and white, such as (0, 4095) for 12 bits.",
            UserWarning,
            stacklevel=4,
        )


def _spread(rows: np.ndarray) -> np.ndarray:
    """Return a few row numbers, evenly spread."""
    positions = np.linspace(0, len(rows) - 1, min(len(rows), _IMAGES_SEEN))
    return rows[positions.round().astype(int)]


def _few(images: Images, rows: np.ndarray, dtypes: set[np.dtype]) -> list[np.ndarray]:
    """Return batches `(b, n_values)` of a few of the images, those of some types."""
    if not dtypes:
        return []
    return [
        batch.astype(np.float64)
        for batch in _flat(images, _spread(rows))
        if batch.dtype in dtypes
    ]


def _flat(images: Images, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield batches `(b, n_values)`, each of images of one size and type."""
    for batch in images.batches(rows):
        yield batch.reshape(len(batch), -1)


def _are_faint(highs: np.ndarray, top: float, high: float, fitted: float) -> bool:
    """Tell whether images of a wider type than that of fit have the unit of that one.

    `highs` are their largest values; `top` is the largest of their type; `high` is what
    images of fit reached, of `fitted` at most.
    """
    largest = highs.max()
    if not 0 < largest < _SLIVER * top:
        return False
    dimmer = _TIMES_BRIGHTER * largest * fitted < high * top
    evident = largest <= fitted or len(highs) >= _TOO_MANY_DARK
    return bool(fitted < top and dimmer and evident)


def _are_bright(highs: np.ndarray, top: float, high: float, fitted: float) -> bool:
    """Tell whether images of a narrower type than that of fit are too bright for it."""
    if not 0 < high < _SLIVER * fitted:
        return False
    brighter = np.quantile(highs, 0.25) * fitted > _TIMES_BRIGHTER * high * top
    return bool(top < fitted and brighter)


def _are_beyond(few: list[np.ndarray], low: float, high: float) -> bool:
    """Tell whether most values that are not 0 are far beyond a range."""
    margin = _WIDTHS_BEYOND * (high - low)
    n_beyond = sum(
        np.sum((rows != 0) & ((rows < low - margin) | (rows > high + margin)))
        for rows in few
    )
    return bool(2 * n_beyond > sum(np.count_nonzero(rows) for rows in few))


def _are_unit(few: list[np.ndarray]) -> bool:
    """Tell whether images are, beyond doubt, within [0, 1] or [-1, 1]."""
    if any(rows.min() < -1 or rows.max() > 1 for rows in few):
        return False
    varied = [rows[(rows != np.rint(rows)).any(axis=1)] for rows in few]
    varied = [rows[rows.min(axis=1) < rows.max(axis=1)] for rows in varied]
    n_varied = sum(map(len, varied))
    return n_varied >= _TOO_MANY_DARK or (n_varied > 0 and _are_scaled(varied))


def _are_scaled(images: list[np.ndarray]) -> bool:
    """Tell whether values are integers of 8 or 16 bits, divided by the largest."""
    return any(
        all(_are_whole(rows * largest) for rows in images)
        for largest in _LARGEST_INTEGERS
    )


def _are_whole(values: np.ndarray) -> bool:
    return bool((np.abs(values - np.rint(values)) < _ROUNDING).all())
