"""Rows of numbers in place of images: what a frozen backbone has seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from skmultigran.training._row_file import RowFile

# A head does less with a column than a backbone with a pixel.
_COLUMNS_PER_PIXEL = 16


class RowSource:
    """Rows by number, for training and prediction in place of an `ImageSource`.

    Parameters
    ----------
    rows : Tensor or RowFile of float32 of shape (n, n_columns)
        The rows.
    """

    def __init__(self, rows: Tensor | RowFile) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def image_size(self) -> tuple[int, int]:
        """Size of the work per row, as height and width are for images."""
        return 1, max(1, self.rows.shape[1] // _COLUMNS_PER_PIXEL)

    def gather(self, indices: np.ndarray) -> Tensor:
        """Return the rows at `indices`.

        Parameters
        ----------
        indices : ndarray of int of shape (b,)
            Positions.

        Returns
        -------
        Tensor of shape (b, n_columns)
            The rows.
        """
        return self.rows[torch.from_numpy(indices)]

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield all positions, in one piece: rows are small beside their images.

        Yields
        ------
        ndarray of int
            The positions.
        """
        yield np.arange(len(self))
