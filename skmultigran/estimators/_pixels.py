"""Which pixels are learned from, and what is said of all as masks."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state


def chosen_pixels(sizes, masks, ignore_label, max_per_image, random_state):
    """Return for each image which of its pixels are learned from.

    Parameters
    ----------
    sizes : ndarray of int of shape (n, 2)
        Heights and widths of the images.
    masks : sequence of ndarray of shape (h, w)
        Their labels.
    ignore_label : int or None
        Label of pixels that nobody has labelled.
    max_per_image : int or None
        The most pixels of one image.
    random_state : int, RandomState instance or None
        Seed of the draw.

    Returns
    -------
    list of ndarray of bool of shape (h, w)
        Where to learn from.

    Raises
    ------
    ValueError
        If a mask does not have the size of its image, or if no pixel has a label.
    """
    generator = check_random_state(random_state)
    chosen = []
    for row, (size, mask) in enumerate(zip(sizes, masks, strict=True)):
        if tuple(size) != mask.shape:
            raise ValueError(
                f"HypercolumnTransformer: the image of row {row} has {size[0]} x "
                f"{size[1]} pixels, but its mask has {mask.shape[0]} x "
                f"{mask.shape[1]}. Give every image a mask of its own size."
            )
        inside = (
            np.ones(mask.shape, bool) if ignore_label is None else mask != ignore_label
        )
        places = np.flatnonzero(inside)
        if max_per_image is not None and len(places) > max_per_image:
            inside = np.zeros(mask.shape, bool)
            kept = generator.choice(places, max_per_image, replace=False)
            inside.reshape(-1)[kept] = True
        chosen.append(inside)
    if not any(inside.any() for inside in chosen):
        raise ValueError(
            "HypercolumnTransformer: no pixel of Y has a label other than "
            f"ignore_label={ignore_label!r}. Label some, or set ignore_label=None."
        )
    return chosen


def stacked_masks(results):
    """Return arrays as one where they have one shape, else as an array of arrays.

    Parameters
    ----------
    results : list of ndarray
        One per image.

    Returns
    -------
    ndarray of shape (n, ...) or ndarray of object of shape (n,)
        All of them.
    """
    if len({result.shape for result in results}) == 1:
        return np.stack(results)
    column = np.empty(len(results), dtype=object)
    column[:] = results
    return column
