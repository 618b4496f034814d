"""Rows in a temporary file: what is too large for memory and read batch by batch."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

# Rows are kept in memory up to this size, beyond it in a file.
_KEPT_BYTES = 2**28
# Rows that are computed together where they go to a file.
_BYTES_TOGETHER = 2**26


class RowFile:
    """Rows of float32 in a temporary file, which is deleted with the object.

    Parameters
    ----------
    n_columns : int
        Numbers per row.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.training._row_file import RowFile
    >>> rows = RowFile(n_columns=2)
    >>> rows.append(torch.arange(6.0).reshape(3, 2))
    >>> rows[torch.tensor([2, 0])]
    tensor([[4., 5.],
            [0., 1.]])
    """

    def __init__(self, n_columns: int) -> None:
        self.shape = (0, n_columns)
        # Not a memory map: pages that were read would count as memory in use.
        file = tempfile.TemporaryFile(prefix="skmultigran-rows-", buffering=0)
        self._file = file
        weakref.finalize(self, file.close)

    def __len__(self) -> int:
        return self.shape[0]

    def append(self, rows: Tensor) -> None:
        """Add rows behind those that there are.

        Parameters
        ----------
        rows : Tensor of float32 of shape (n, n_columns)
            The rows.
        """
        self._file.seek(0, 2)
        content = rows.contiguous().numpy().reshape(-1).view(np.uint8).data
        while len(content):  # a write may take a part
            content = content[self._file.write(content) :]
        self.shape = (self.shape[0] + len(rows), self.shape[1])

    def __getitem__(self, indices: Tensor) -> Tensor:
        rows = np.empty((len(indices), self.shape[1]), dtype=np.float32)
        for row, index in zip(rows, indices.tolist(), strict=True):
            self._file.seek(index * row.nbytes)
            content = row.view(np.uint8).data
            while len(content):
                content = content[self._file.readinto(content) :]
        return torch.from_numpy(rows)


def computed_rows(
    compute: Callable[[np.ndarray], Tensor], n_rows: int, n_columns: int
) -> Tensor | RowFile:
    """Return rows that are computed, in a file if they are too large for memory.

    Parameters
    ----------
    compute : callable
        Positions `(m,)` to rows `(m, n_columns)` of float32.
    n_rows, n_columns : int
        How many there are.

    Returns
    -------
    Tensor or RowFile of shape (n_rows, n_columns)
        The rows.
    """
    row_bytes = 4 * n_columns
    if n_rows * row_bytes <= _KEPT_BYTES:
        return compute(np.arange(n_rows))
    rows = RowFile(n_columns)
    for positions in _pieces(n_rows, max(1, _BYTES_TOGETHER // row_bytes)):
        rows.append(compute(positions))
    return rows


def _pieces(n_rows: int, size: int) -> Iterator[np.ndarray]:
    for start in range(0, n_rows, size):
        yield np.arange(start, min(start + size, n_rows))
