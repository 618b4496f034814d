"""Rows in a file are those in memory."""

import gc
import os

import numpy as np
import pytest
import torch

from skmultigran import MultiGranularityClassifier
from skmultigran.training import RowSource, _row_file, computed_rows
from skmultigran.training._row_file import RowFile

ROWS = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))


def test_rows_come_back_in_any_order_and_often():
    rows = RowFile(7)
    for start in range(0, 50, 20):
        rows.append(ROWS[start : start + 20])
        assert rows.shape == (min(start + 20, 50), 7)
    indices = torch.tensor([49, 0, 7, 7, 31])
    assert torch.equal(rows[indices], ROWS[indices])
    rows.append(ROWS[:3])
    assert torch.equal(rows[torch.tensor([52])], ROWS[2:3])
    assert rows[torch.tensor([], dtype=torch.int64)].shape == (0, 7)


def test_the_file_is_closed_with_its_object():
    rows = RowFile(7)
    number = rows._file.fileno()
    os.fstat(number)
    del rows
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


@pytest.mark.parametrize(("kept", "kind"), [(50 * 28, torch.Tensor), (1399, RowFile)])
def test_many_rows_are_computed_in_pieces(monkeypatch, kept, kind):
    monkeypatch.setattr(_row_file, "_KEPT_BYTES", kept)
    monkeypatch.setattr(_row_file, "_BYTES_TOGETHER", 12 * 28)
    asked = []

    def compute(positions):
        asked.append(len(positions))
        return ROWS[torch.from_numpy(positions)]

    rows = computed_rows(compute, 50, 7)
    assert type(rows) is kind
    assert asked == ([50] if kind is torch.Tensor else [12, 12, 12, 12, 2])
    source = RowSource(rows)
    assert (len(source), source.image_size) == (50, (1, 1))
    assert torch.equal(source.gather(np.array([3, 49])), ROWS[[3, 49]])


def test_a_row_is_as_much_work_as_fewer_pixels():
    assert RowSource(torch.zeros(3, 4000)).image_size == (1, 250)


def test_a_frozen_model_is_the_same_with_rows_in_a_file(monkeypatch):
    X = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
    y = np.arange(30) % 2
    model = MultiGranularityClassifier(
        backbone="scattering", trainable="head", max_epochs=2, random_state=0
    )

    def fitted():
        return model.fit(X, y, X_val=X[:5], y_val=y[:5]).predict_proba(X)

    expected = fitted()
    monkeypatch.setattr(_row_file, "_KEPT_BYTES", 0)
    monkeypatch.setattr(_row_file, "_BYTES_TOGETHER", 2**15)
    np.testing.assert_array_equal(fitted(), expected)
