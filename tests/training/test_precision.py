"""What training computes in."""

import pytest
import torch

from skmultigran.training._precision import resolve_precision

LARGE, SMALL = 10**6, 10**3


@pytest.fixture
def processor(monkeypatch):
    def with_instructions(native):
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            monkeypatch.setattr(torch.cpu, name, lambda: native, raising=False)

    return with_instructions


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_was_asked_for_is_taken(precision):
    assert resolve_precision(precision, "cpu", pixels=LARGE) == precision


def test_auto_needs_native_instructions(processor):
    processor(True)
    assert resolve_precision("auto", "cpu", pixels=LARGE) == "bfloat16"
    processor(False)
    assert resolve_precision("auto", "cpu", pixels=LARGE) == "float32"


def test_auto_needs_large_batches(processor):
    processor(True)
    assert resolve_precision("auto", "cpu", pixels=SMALL) == "float32"


def test_auto_on_a_torch_that_cannot_tell(monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert resolve_precision("auto", "cpu", pixels=LARGE) == "float32"
