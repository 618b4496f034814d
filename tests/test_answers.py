"""Columns of answers: their forms, and what is missing in them."""

import numpy as np
import pandas as pd
import pytest
import torch

from skmultigran._answers import answer_column, known_answers

COLUMNS = {
    "NaN among words": (["cat", np.nan, "dog"], None, [1, 0, 1]),
    "NA among words": (["cat", pd.NA, "dog"], None, [1, 0, 1]),
    "NaN in a list of numbers": ([1.5, np.nan], None, [1, 0]),
    "tensors in a list": ([torch.tensor(1.0), torch.tensor(torch.nan)], None, [1, 0]),
    "None among words": (["a", None, "b"], None, [1, 0, 1]),
    "None among numbers": ([1, None, 2.5], None, [1, 0, 1]),
    "NaN": (np.array([1.0, np.nan, 3.0]), None, [1, 0, 1]),
    "NaN in float32": (np.array([np.nan, 1], dtype=np.float32), None, [0, 1]),
    "nullable integers": (pd.Series([1, pd.NA, 3], dtype="Int64"), None, [1, 0, 1]),
    "text": (pd.Series(["a", None], dtype="string"), None, [1, 0]),
    "categories": (pd.Series(["a", None], dtype="category"), None, [1, 0]),
    "times": (pd.Series([pd.NaT, pd.Timestamp(0)], dtype=object), None, [0, 1]),
    "a number": (np.array([0, -1, 1]), -1, [1, 0, 1]),
    "a word": (np.array(["yes", "?", "no"]), "?", [1, 0, 1]),
    "a word, and NaN": (pd.Series(["yes", "?", np.nan]), "?", [1, 0, 0]),
    "rows": (np.array([[1, np.nan], [np.nan, np.nan]]), None, [1, 0]),
    "rows of a number": (np.array([[-1, -1], [-1, 2]]), -1, [0, 1]),
    "cells": (pd.Series([np.ones(2), None, np.full(2, np.nan)]), None, [1, 0, 0]),
    "of different shapes": ([np.ones((2, 2)), None, np.ones((3, 1))], None, [1, 0, 1]),
    "a tensor": (torch.tensor([1.0, torch.nan]), None, [1, 0]),
}


@pytest.mark.parametrize(
    ("column", "missing", "expected"), COLUMNS.values(), ids=COLUMNS
)
def test_what_is_known(column, missing, expected):
    values = answer_column(column)
    assert isinstance(values, np.ndarray)
    assert known_answers(values, missing).tolist() == [bool(e) for e in expected]


@pytest.mark.parametrize(
    "rows",
    [["cat", np.nan], [1, np.nan, 2], [True, None, False], ["a", 1], [1, "?", 2.5]],
    ids=str,
)
def test_answers_of_a_list_keep_their_types(rows):
    values = answer_column(rows)
    known = known_answers(values, None)
    assert [type(value) for value in values[known].tolist()] == [
        type(row) for row, there in zip(rows, known, strict=True) if there
    ]


def test_integers_of_which_some_are_missing_are_not_floats():
    values = answer_column(pd.Series([1, None, 3], dtype="Int64"))
    assert [type(value) for value in values[[0, 2]]] == [int, int]
