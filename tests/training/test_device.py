"""The device is there, or the message says which one is."""

import pytest
import torch

from skmultigran.training import resolve_device


def test_auto_is_a_device_that_is_there():
    assert torch.zeros(1, device=resolve_device("auto")).item() == 0


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [
        (True, True, "cuda"),
        (True, False, "cuda"),
        (False, True, "mps"),
        (False, False, "cpu"),
    ],
)
def test_auto_prefers_accelerators(cuda, mps, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto") == expected


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_named_device_stays(device):
    assert resolve_device(device) == device


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "hpu", "", "meta"])
def test_device_that_is_not_there(device):
    with pytest.raises(
        ValueError, match=rf"device='{device}' cannot be used.*[^.]\. Pass 'auto'"
    ):
        resolve_device(device)
