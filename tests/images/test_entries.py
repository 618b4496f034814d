"""Which forms are columns of images, and what their entries are."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Subset, TensorDataset

from skmultigran.images import check_rows, holds_images, open_images
from skmultigran.images._entries import image_entries

Image = pytest.importorskip("PIL.Image")

NAMES = ["a.png", "b.png", "c.png"]
PATHS = [Path(name) for name in NAMES]


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


FORMS = {
    "list": list,
    "tuple": tuple,
    "object array": objects,
    "object array (n, 1)": lambda values: objects(values)[:, None],
    "series": pd.Series,
    "series of objects": lambda values: pd.Series(values, dtype=object),
    "series with another index": lambda values: pd.Series(values, index=[7, 5, 9]),
    "frame": lambda values: pd.DataFrame({"image": values}),
    "frame of objects": lambda values: pd.DataFrame({"image": values}, dtype=object),
}
STRING_FORMS = {
    "strings": np.array,
    "strings (n, 1)": lambda values: np.array(values)[:, None],
    "numpy's StringDType": lambda values: np.array(
        values, dtype=np.dtypes.StringDType()
    ),
    "str series": lambda values: pd.Series(values, dtype="str"),
    "string series": lambda values: pd.Series(values, dtype="string"),
    "categories": lambda values: pd.Series(values, dtype="category"),
    "str frame": lambda values: pd.DataFrame({"image": values}, dtype="str"),
}


@pytest.mark.parametrize("form", [*FORMS.values(), *STRING_FORMS.values()])
def test_columns_of_strings(form):
    X = form(NAMES)
    assert image_entries(X) == NAMES
    assert holds_images(X)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    "values",
    [
        PATHS,
        [Image.new("L", (3, 2)) for _ in range(3)],
        [torch.zeros(2, k) for k in (1, 2, 3)],
        [[[1, 2], [3, 4]], [[1], [2]], [[5, 6]]],
    ],
    ids=["paths", "pictures", "tensors", "nested lists"],
)
def test_columns_of_other_entries(form, values):
    found = image_entries(form(values))
    assert len(found) == 3
    assert all(one is other for one, other in zip(found, values, strict=True))


def test_columns_of_arrays():
    arrays = [np.zeros((2, 3)), np.ones((4, 3)), np.ones((4, 3, 3))]
    for form in FORMS.values():
        for found, array in zip(image_entries(form(arrays)), arrays, strict=True):
            assert found is array


NO_COLUMNS = {
    "numbers": np.zeros(3),
    "rows": np.zeros((3, 4)),
    "rows of objects": np.zeros((3, 4), dtype=object),
    "one column of numbers": np.zeros((3, 1)),
    "one column of objects": np.zeros((3, 1), dtype=object),
    "frame of numbers": pd.DataFrame({"a": [1, 2]}),
    "frame of more numbers": pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
    "series of numbers": pd.Series([1, 2]),
    "list of rows": [[1, 2], [3, 4]],
    "two columns of strings": np.array([["a", "b"]]),
    "nothing": [],
    "an empty series": pd.Series([], dtype="str"),
    "an empty frame": pd.DataFrame({"a": [], "b": []}),
    "only missing values": [None, float("nan"), pd.NA, pd.NaT],
    "a string": np.array("a.png"),
    "an object": np.array(None),
    "bytes": [b"a.png"],
    "one path": Path("a.png"),
    "None": None,
}


@pytest.mark.parametrize("X", NO_COLUMNS.values(), ids=NO_COLUMNS)
def test_everything_else_is_no_column(X):
    assert image_entries(X) is None


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT], ids=repr)
@pytest.mark.parametrize("row", [0, 2])
@pytest.mark.parametrize("form", [list, objects, pd.Series])
def test_missing_cells_are_named_by_their_row(tmp_path, form, missing, row):
    path = tmp_path / "good.png"
    Image.new("L", (3, 2)).save(path)
    values = [str(path)] * 3
    values[row] = missing
    match = rf"Me cannot read row {row}: it is (None|nan|<NA>|NaT), no path, picture or"
    with pytest.raises(ValueError, match=match):
        open_images(form(values), owner="Me")
    kept = open_images(form(values), owner="Me", collect_problems=True)
    assert list(kept.problems) == [row]


@pytest.mark.parametrize("first", ["a.png", Path("a.png"), np.zeros((2, 2))], ids=str)
def test_frames_with_more_columns_are_refused(first):
    frame = pd.DataFrame({"age": [1, 2], "image": [first, first], "b": [0, 0]})
    match = r"frame of 3 columns, of which 'image' holds.*X\[\['image'\]\]"
    with pytest.raises(ValueError, match=match):
        holds_images(frame)


@pytest.mark.parametrize("first", ["red", None])
def test_frames_with_text_name_the_column_of_paths(first):
    frame = pd.DataFrame({"colour": ["red", "red"], "file": [None, "a.png"], "n": 0})
    frame["colour"] = [first, "blue"]
    with pytest.raises(ValueError, match=r"of which 'file' holds.*X\[\['file'\]\]"):
        holds_images(frame)


NO_IMAGES = {
    "bytes": ([b"a.png"], "entries of type bytes, such as b'a.png'.*PIL.Image.open"),
    "array of bytes": (np.array([b"a.png"]), "entries of type bytes"),
    "open files": ([io.BytesIO(b"")], "entries of type BytesIO.*PIL.Image.open"),
    "things": (objects([object()]), "entries of type object.* An image is a path, a"),
    "rows in a series": (pd.Series([np.zeros(4)] * 2), r"np\.stack\(list\(X\)\)"),
    "rows in cells": (pd.DataFrame({"a": [[1, 2]]}), r"np\.stack\(list\(X\)\)"),
    "nothing": ([], "needs at least one image, but X has no rows"),
    "an empty series": (pd.Series([], dtype="str"), "X has no rows"),
    "an empty frame": (pd.DataFrame({"a": []}, dtype="str"), "X has no rows"),
    "missing": ([None, float("nan"), pd.NA], "X has 3 rows, all of them missing"),
    "missing in a series": (pd.Series([np.nan, np.nan]), "X has 2 rows, all of them"),
    "missing in a frame": (pd.DataFrame({"a": [None]}), "X has 1 rows, all of them"),
    "pairs": ([(np.zeros((2, 2)), 1)], r"\[image for image, _ in pairs\]"),
    "a torch dataset": (TensorDataset(torch.zeros(3, 2, 2)), "X has pairs of both"),
    "a torch subset": (
        Subset([np.zeros((2, 2))], [0]),
        "X is a Subset. Pass a list of",
    ),
    "pairs in a subset": (Subset([(np.zeros((2, 2)), 1)], [0]), "X has pairs of both"),
    "a torch loader": (DataLoader([(torch.zeros(2, 2), 1)]), "X has pairs of both"),
    "a generator": ((path for path in NAMES), "X is a generator. Pass a list"),
    "a dictionary": ({"image": NAMES}, "X is a dict. Pass a list"),
    "a set": (set(NAMES), "X is a set. Pass a list"),
}


@pytest.mark.parametrize(("X", "match"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_what_holds_no_images_is_named(X, match):
    with pytest.raises(ValueError, match=f"Me .*{match}"):
        check_rows(X, "Me")


@pytest.mark.parametrize(
    "X",
    [
        *(NO_COLUMNS[name] for name in NO_COLUMNS if "of" in name and name[:2] != "tw"),
        [np.zeros(4), np.ones(4)],
        np.zeros((0, 4)),
        pd.DataFrame({"a": [], "b": []}),
    ],
)
def test_numbers_are_left_to_scikit_learn(X):
    check_rows(X, "Me")


@pytest.mark.parametrize(
    ("odd", "match"),
    [
        ("", "cannot read '' in row 1: No such file or directory. Repair"),
        (7, "cannot read row 1: it is 7, no path, picture or array"),
        (b"a.png", "cannot read row 1: it is b'a.png', no path"),
        (np.zeros(5), r"row 1: it is an array of shape \(5,\) and type float64, not"),
        (np.zeros((2, 2), dtype=complex), "row 1: .* type complex128, not real"),
        (np.array([["a"]]), "row 1: .* not real numbers of shape"),
        (np.zeros((0, 4)), r"row 1: .*shape \(0, 4\)"),
        (np.full((2, 2), np.nan), r"row 1: it has NaN or infinite pixels\. Repair"),
        (np.full((2, 2), -np.inf), "row 1: it has NaN or infinite"),
        ([[1, 2], [3]], "cannot read row 1: .*inhomogeneous"),
    ],
    ids=[
        "empty",
        "int",
        "bytes",
        "1-D",
        "complex",
        "text",
        "none",
        "nan",
        "inf",
        "list",
    ],
)
def test_odd_entries_are_named_by_their_row(odd, match):
    X = objects([np.zeros((4, 4)), None, np.zeros((5, 4))])
    X[1] = odd
    with pytest.raises(ValueError, match=match):
        open_images(X, owner="Me")
    assert list(open_images(X, owner="Me", collect_problems=True).problems) == [1]


def test_a_list_of_one_shape_names_its_nan_too():
    with pytest.raises(ValueError, match="contains NaN in row 1. Me does not accept"):
        open_images([np.zeros((2, 2)), np.full((2, 2), np.nan)], owner="Me")


def test_nested_lists_with_lines_of_different_lengths_are_named():
    with pytest.raises(ValueError, match="Me cannot read row 0: .*inhomogeneous"):
        open_images([[[1, 2], [3]], [[1, 2], [3, 4]]], owner="Me")
