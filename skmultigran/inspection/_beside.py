"""Columns of images beside the other columns of a table."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.preprocessing import FunctionTransformer


def columns_beside(table, part) -> FunctionTransformer:
    """Return a step that puts columns of images where a `ColumnTransformer` has them.

    Parameters
    ----------
    table : ndarray, sparse matrix or DataFrame of shape (n, n_columns)
        All columns, as the `ColumnTransformer` gave them.
    part : slice
        Which of them are those of the images.

    Returns
    -------
    FunctionTransformer
        Takes columns of images, row by row as in the table, and gives a new table.
    """
    return FunctionTransformer(_placed, kw_args={"table": table, "part": part})


def needs_a_table(pipeline) -> bool:
    """Tell whether a step of a pipeline puts columns into a table.

    Parameters
    ----------
    pipeline : Pipeline or None
        The steps.

    Returns
    -------
    bool
        Whether one does.
    """
    steps = pipeline.steps if pipeline is not None else []
    return any(getattr(step, "func", None) is _placed for _, step in steps)


def _placed(columns, table, part):
    if sparse.issparse(table):
        before, after = table[:, : part.start], table[:, part.stop :]
        return sparse.hstack([before, sparse.csr_array(columns), after], format="csr")
    table = table.copy()
    if isinstance(table, np.ndarray):
        table[:, part] = columns
    else:
        table.iloc[:, part] = np.asarray(columns)
    return table
