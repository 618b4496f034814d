"""The check that no pixel is NaN or infinite, in chunks, naming the row."""

from __future__ import annotations

import numpy as np

from skmultigran.images._chunks import chunks


def check_finite(images: np.ndarray, owner: str) -> None:
    """Raise if a pixel is NaN or infinite.

    Parameters
    ----------
    images : ndarray of shape (n, ...)
        Images or flattened rows; a memory map is read in chunks.
    owner : str
        Name of the estimator, for the message.

    Raises
    ------
    ValueError
        If a value is not finite; the message names the first such row.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.images import check_finite
    >>> check_finite(np.zeros((2, 4)), "the example")
    """
    if images.dtype.kind != "f":
        return
    for rows in chunks(images.shape):
        chunk = images[rows]
        # A sum is finite if all values are, and is several times as fast to test.
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(chunk.sum(dtype=np.float64)):
                continue
        bad = ~np.isfinite(chunk.reshape(len(chunk), -1))
        if bad.any():
            row = int(np.flatnonzero(bad.any(axis=1))[0])
            value = "NaN" if np.isnan(chunk[row]).any() else "infinity"
            raise ValueError(
                f"Input X contains {value} in row {rows.start + row}. {owner} does not "
                "accept missing or infinite pixels; drop the row or fill it, for "
                "instance with sklearn.impute.SimpleImputer on the flattened rows."
            )
