"""Answers of several tasks in the form that y had."""

from __future__ import annotations

import numpy as np

from skmultigran._support import import_optional
from skmultigran.estimators._task_targets import FRAME, RECORDS


def as_form(answers, form, X, owner):
    """Return answers as a data frame, a structured array or a dict of columns.

    Parameters
    ----------
    answers : dict of str to ndarray of length n
        The answers of each task.
    form : {"frame", "records", "columns"}
        The form that y had in fit.
    X : array-like
        The images; the index of a frame or series is that of the answers.
    owner : str
        Name of the estimator, for messages.

    Returns
    -------
    DataFrame, structured array or dict
        The same answers. In a frame, answers that are arrays are cells.
    """
    if form == FRAME:
        pandas = import_optional("pandas", caller=owner, extra="images")
        index = X.index if hasattr(X, "iloc") else None
        cells = {n: a if a.ndim == 1 else list(a) for n, a in answers.items()}
        return pandas.DataFrame(cells, index=index)
    if form == RECORDS:
        length = len(next(iter(answers.values())))
        kinds = [(name, a.dtype, a.shape[1:]) for name, a in answers.items()]
        table = np.empty(length, dtype=kinds)
        for name, answer in answers.items():
            table[name] = answer
        return table
    return answers
