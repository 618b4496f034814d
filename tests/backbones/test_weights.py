"""Files of weights are read as tensors only, and kernels fit any number of channels."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from skmultigran.backbones._weights import (
    adapt_kernel,
    path_of,
    read_weights,
    spread_normalisation,
)

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


def _written(path, thing):
    torch.save(thing, path)
    return path


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (None, None),
        ("DEFAULT", None),
        ("in1k.v2", None),
        ("x.pth", Path("x.pth")),
        ("a/b.pt", Path("a/b.pt")),
        ("b.safetensors", Path("b.safetensors")),
        (Path("weights"), Path("weights")),
    ],
)
def test_what_is_a_path(weights, expected):
    assert path_of(weights) == expected


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
@pytest.mark.parametrize(
    "wrapped", [STATE, {"state_dict": STATE, "epoch": 3}, {"model": STATE}]
)
def test_state_dict_of_a_torch_file(tmp_path, suffix, wrapped):
    state = read_weights(_written(tmp_path / f"w{suffix}", wrapped), "Reader")
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)


def test_state_dict_of_a_safetensors_file(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(STATE, tmp_path / "w.safetensors")
    state = read_weights(tmp_path / "w.safetensors", "Reader")
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)


class Harmful:
    def __reduce__(self):
        return exec, ("raise AssertionError('code of a file was run')",)


def test_objects_in_a_file_are_never_run(tmp_path):
    path = _written(tmp_path / "w.pth", {"a": Harmful()})
    with pytest.raises(ValueError, match=r"Reader cannot read weights='.*never run"):
        read_weights(path, "Reader")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all"])
def test_damaged_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="Reader cannot read weights=.* damaged"):
        read_weights(tmp_path / name, "Reader")


def test_file_without_a_state_dict(tmp_path):
    path = _written(tmp_path / "w.pth", [torch.ones(2)])
    with pytest.raises(ValueError, match="holds a list; it must hold a state dict"):
        read_weights(path, "Reader")


def test_file_of_another_kind(tmp_path):
    with pytest.raises(ValueError, match=r"must end in one of \.pth, \.pt, \.safetens"):
        read_weights(tmp_path / "w.npz", "Reader")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="Reader got weights=.*no such file"):
        read_weights(tmp_path / "w.pth", "Reader")


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_equal_channels_answer_as_three_equal_ones(channels):
    generator = torch.Generator().manual_seed(0)
    grey = torch.rand(2, 1, 9, 9, generator=generator)
    # The three colours are read alike, so that each of them has the same weight.
    kernel = torch.rand(4, 1, 3, 3, generator=generator).expand(-1, 3, -1, -1)
    expected = functional.conv2d(grey.expand(-1, 3, -1, -1), kernel)
    adapted = adapt_kernel(kernel, channels)
    actual = functional.conv2d(grey.expand(-1, channels, -1, -1), adapted)
    torch.testing.assert_close(actual, expected)


def test_kernel_for_the_same_channels_is_untouched():
    kernel = torch.rand(4, 3, 3, 3)
    assert adapt_kernel(kernel, 3) is kernel


@pytest.mark.parametrize(
    ("in_channels", "mean", "std"),
    [(3, (0.25, 0.5, 0.75), (0.1, 0.2, 0.3)), (1, (0.5,), (0.2,)), (2, (0.5,) * 2, 0)],
)
def test_normalisation_of_other_channels(in_channels, mean, std):
    actual = spread_normalisation((0.25, 0.5, 0.75), (0.1, 0.2, 0.3), in_channels)
    assert actual[0] == pytest.approx(mean)
    assert actual[1] == pytest.approx(std or (0.2, 0.2))
