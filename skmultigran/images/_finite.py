"""The check that no pixel is NaN or infinite, in chunks, naming the row."""

from __future__ import annotations

import numpy as np

from skmultigran.images._chunks import chunks


def check_finite(
    images: np.ndarray, owner: str, rows: np.ndarray | None = None
) -> None:
    """Raise if a pixel is NaN or infinite.

    Parameters
    ----------
    images : ndarray of shape (n, ...)
        Images or flattened rows; a memory map is read in chunks.
    owner : str
        Name of the estimator, for the message.
    rows : ndarray of int or None, default=None
        Rows that are looked at; None: all.

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
    n = len(images) if rows is None else len(rows)
    for part in chunks((n, *images.shape[1:])):
        chunk = images[part] if rows is None else images[rows[part]]
        # A sum is finite if all values are, and is several times as fast to test.
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(chunk.sum(dtype=np.float64)):
                continue
        bad = ~np.isfinite(chunk.reshape(len(chunk), -1))
        if bad.any():
            first = int(np.flatnonzero(bad.any(axis=1))[0])
            value = "NaN" if np.isnan(chunk[first]).any() else "infinity"
            row = part.start + first
            raise ValueError(
                f"Input X contains {value} in row {row if rows is None else rows[row]}."
                f" {owner} does not accept missing or infinite pixels; drop the row or "
                "fill it, for instance with sklearn.impute.SimpleImputer on the "
                "flattened rows."
            )
