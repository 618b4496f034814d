"""Which pixels are the object: thresholds, segments, and what the border says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage, sparse

from skmultigran._support import import_optional
from skmultigran.preprocessing._luminance import brightness
from skmultigran.preprocessing._scale import NEGLIGIBLE

# The neighbourhood of the adaptive threshold, as a share of the longer side.
_NEIGHBOURHOOD = 1 / 8
_BINS = 256
_GROUND_SHARE = 0.75
_SUPERPIXELS = 100
_COMPACTNESS = 0.1
_ONE_REGION = 0.1
_FELZENSZWALB_SCALE = 400
_SMALLEST_SEGMENT = 1 / 200


def border_pixels(shape: tuple[int, int]) -> np.ndarray:
    """Return which pixels lie on an image's border.

    Parameters
    ----------
    shape : tuple of int
        Height and width.

    Returns
    -------
    ndarray of bool of shape (h, w)
        The outermost rows and columns.

    Examples
    --------
    >>> from skmultigran.preprocessing._foreground import border_pixels
    >>> int(border_pixels((4, 5)).sum())
    14
    """
    border = np.ones(shape, dtype=bool)
    border[1:-1, 1:-1] = False
    return border


def otsu(grey: np.ndarray) -> np.ndarray:
    """Return brightness above Otsu's threshold."""
    threshold = _filters().threshold_otsu(grey, nbins=_BINS)
    # That is the centre of the last dark bin, in whose upper half pixels may lie.
    return grey - threshold - np.ptp(grey) / (2 * _BINS)


def li(grey: np.ndarray) -> np.ndarray:
    """Return brightness above Li's minimum cross entropy threshold."""
    return grey - _filters().threshold_li(grey)


def adaptive(grey: np.ndarray) -> np.ndarray:
    """Return brightness above the local mean and Otsu's threshold of what is left."""
    width = max(1.0, _NEIGHBOURHOOD * max(grey.shape))
    rest = grey - _filters().gaussian(grey, sigma=width, mode="nearest")
    return otsu(rest) if np.ptp(rest) > NEGLIGIBLE else rest


def felzenszwalb(image: np.ndarray) -> np.ndarray:
    """Return regions of a graph-based segmentation that have different colours."""
    # No smoothing before: it makes bands of middle colours that become regions.
    segments = _segmentation().felzenszwalb(
        _at_most_three_channels(image),
        scale=_FELZENSZWALB_SCALE,
        sigma=0,
        min_size=max(1, int(_SMALLEST_SEGMENT * image[:, :, 0].size)),
        channel_axis=-1,
    )
    # Under noise the ground falls apart into regions of nearly the same mean.
    return merge_similar(segments, image, _ONE_REGION)


def slic(image: np.ndarray) -> np.ndarray:
    """Return regions of superpixels that touch and have nearly one colour."""
    segments = _segmentation().slic(
        image,
        n_segments=_SUPERPIXELS,
        compactness=_COMPACTNESS,
        start_label=0,
        convert2lab=False,
        channel_axis=-1,
    )
    return merge_similar(segments, image, _ONE_REGION)


THRESHOLDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "otsu": otsu,
    "li": li,
    "adaptive": adaptive,
}
REGIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "felzenszwalb": felzenszwalb,
    "slic": slic,
}


def find_foreground(
    image: np.ndarray, method: str, foreground: str = "auto", min_area: float = 0.0
) -> np.ndarray:
    """Return which pixels belong to the object.

    Parameters
    ----------
    image : ndarray of float of shape (h, w, c)
        Values in [0, 1].
    method : str
        A name in `THRESHOLDS` or `REGIONS`.
    foreground : {"auto", "bright", "dark"}, default="auto"
        Which side of a threshold is the object; of no influence on regions.
    min_area : float, default=0.0
        Connected parts of a smaller share of the image are dropped.

    Returns
    -------
    ndarray of bool of shape (h, w)
        The object; everything where nothing is found.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._foreground import find_foreground
    >>> image = np.zeros((9, 9, 1))
    >>> image[2:5, 3:7] = 1
    >>> bool((find_foreground(image, "otsu") == image[:, :, 0]).all())
    True
    """
    if method in THRESHOLDS:
        grey = brightness(image)
        if np.ptp(grey) <= NEGLIGIBLE:
            return np.ones(grey.shape, dtype=bool)
        mask = one_side(THRESHOLDS[method](grey), foreground)
    else:
        mask = not_ground(REGIONS[method](_full_contrast(image)))
    mask = drop_small(mask, min_area)
    return mask if mask.any() else np.ones_like(mask)


def one_side(values: np.ndarray, foreground: str) -> np.ndarray:
    """Return the pixels above 0, or the others: those that the border has fewer of.

    Parameters
    ----------
    values : ndarray of shape (h, w)
        Brightness above a threshold.
    foreground : {"auto", "bright", "dark"}
        "auto": the border decides.

    Returns
    -------
    ndarray of bool of shape (h, w)
        The chosen side.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._foreground import one_side
    >>> one_side(np.array([[1, 1, 1], [1, -1, 1], [1, 1, 1]]), "auto").astype(int)
    array([[0, 0, 0],
           [0, 1, 0],
           [0, 0, 0]])
    """
    bright = values > 0
    if foreground == "auto":
        of_border = bright[border_pixels(bright.shape)].mean()
        foreground = "dark" if of_border > 0.5 else "bright"
    return bright if foreground == "bright" else ~bright


def not_ground(regions: np.ndarray) -> np.ndarray:
    """Return the pixels of regions that do not dominate the border.

    The ground is made of the regions with the most border pixels, one after the other
    until they hold three quarters of the border: one region for an object on plain
    ground, two for sky and meadow. An object that touches the border a little stays.

    Parameters
    ----------
    regions : ndarray of int of shape (h, w)
        The region of each pixel, from 0.

    Returns
    -------
    ndarray of bool of shape (h, w)
        All that is no ground.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._foreground import not_ground
    >>> not_ground(np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]])).astype(int)
    array([[0, 0, 0, 0],
           [0, 0, 1, 1],
           [0, 0, 0, 0]])
    """
    held = np.bincount(regions[border_pixels(regions.shape)])
    order = np.argsort(-held, kind="stable")
    before = np.cumsum(held[order]) - held[order]
    ground = order[before < _GROUND_SHARE * held.sum()]
    return ~np.isin(regions, ground)


def merge_similar(
    regions: np.ndarray, image: np.ndarray, distance: float
) -> np.ndarray:
    """Join neighbouring regions whose mean colours differ by less than a distance.

    Parameters
    ----------
    regions : ndarray of int of shape (h, w)
        The region of each pixel, from 0.
    image : ndarray of shape (h, w, c)
        The image.
    distance : float
        Root of the mean squared difference of the channels.

    Returns
    -------
    ndarray of int of shape (h, w)
        The joined regions, from 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._foreground import merge_similar
    >>> image = np.array([[[0.0], [0.05], [0.9]]])
    >>> merge_similar(np.array([[0, 1, 2]]), image, 0.1)
    array([[0, 0, 1]], dtype=int32)
    """
    n = int(regions.max()) + 1
    labels = np.arange(n)
    means = [
        ndimage.mean(image[:, :, k], regions, labels) for k in range(image.shape[2])
    ]
    colours = np.stack(means, axis=1)  # (n, c)
    pairs = np.concatenate(
        [
            np.stack([regions[:-1].ravel(), regions[1:].ravel()]),
            np.stack([regions[:, :-1].ravel(), regions[:, 1:].ravel()]),
        ],
        axis=1,
    )
    apart = np.sqrt(((colours[pairs[0]] - colours[pairs[1]]) ** 2).mean(axis=1))
    first, second = pairs[:, apart < distance]
    graph = sparse.coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    return sparse.csgraph.connected_components(graph, directed=False)[1][regions]


def drop_small(mask: np.ndarray, min_area: float) -> np.ndarray:
    """Drop connected parts of a mask that are small.

    Parameters
    ----------
    mask : ndarray of bool of shape (h, w)
        The mask; pixels that touch at a side are connected.
    min_area : float
        Least share of the image.

    Returns
    -------
    ndarray of bool of shape (h, w)
        The mask without them.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._foreground import drop_small
    >>> drop_small(np.array([[True, False, True, True]]), 0.5)
    array([[False, False,  True,  True]])
    """
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    return mask & (sizes >= min_area * mask.size)[parts]


def bounding_box(mask: np.ndarray, margin: float) -> tuple[slice, slice]:
    """Return the smallest rectangle around a mask, enlarged.

    Parameters
    ----------
    mask : ndarray of bool of shape (h, w)
        A mask with at least one pixel.
    margin : float
        What is added on each side, as a share of the rectangle's longer side; never
        more than the image has.

    Returns
    -------
    tuple of slice
        Rows and columns.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._foreground import bounding_box
    >>> bounding_box(np.array([[0, 0, 0], [0, 1, 1]], bool), 0)
    (slice(1, 2, None), slice(1, 3, None))
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    more = int(np.ceil(margin * longer))
    return (
        slice(int(max(0, rows[0] - more)), int(min(len(mask), rows[-1] + 1 + more))),
        slice(
            int(max(0, columns[0] - more)),
            int(min(mask.shape[1], columns[-1] + 1 + more)),
        ),
    )


def _at_most_three_channels(image: np.ndarray) -> np.ndarray:
    """Return the first three principal components of what scikit-image warns of."""
    if image.shape[2] <= 3:
        return image
    pixels = image.reshape(-1, image.shape[2])
    pixels = pixels - pixels.mean(axis=0)
    _, vectors = np.linalg.eigh(pixels.T @ pixels)  # the largest comes last
    return (pixels @ vectors[:, -3:]).reshape(*image.shape[:2], 3)


def _full_contrast(image: np.ndarray) -> np.ndarray:
    """Stretch the values over [0, 1], so that faint images are segmented alike."""
    spread = np.ptp(image)
    if spread <= NEGLIGIBLE:
        return np.zeros(image.shape)
    return ((image - image.min()) / spread).astype(np.float64)


def _filters():
    return import_optional(
        "skimage.filters", caller="ForegroundSegmenter", extra="images"
    )


def _segmentation():
    return import_optional(
        "skimage.segmentation", caller="ForegroundSegmenter", extra="images"
    )
