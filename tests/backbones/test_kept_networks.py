"""Pretrained networks are built once, and each fit gets a copy of its own."""

import os

import pytest
import torch
from torchvision import models

from skmultigran import TorchvisionBackbone
from skmultigran.backbones import _kept_networks, _pretrained
from skmultigran.images import _files

NAME = "shufflenet_v2_x0_5"
IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def write(path, seed):
    torch.manual_seed(seed)
    torch.save(models.get_model(NAME, weights=None).state_dict(), path)
    os.utime(path, (seed, seed))
    return str(path)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "_CLOCK_TICK", 0)
    return write(tmp_path / "weights.pth", 1)


@pytest.fixture
def loads(monkeypatch):
    """List of the recipes whose weights were read."""
    original, seen = _pretrained.load_weights, []

    def load_weights(backbone, state, shown, caller):
        seen.append(shown)
        return original(backbone, state, shown, caller)

    monkeypatch.setattr(_pretrained, "load_weights", load_weights)
    return seen


def built(path, in_channels=3, **params):
    recipe = TorchvisionBackbone(name=NAME, weights=path, **params)
    return recipe.build(in_channels, (32, 32)).eval()


def maps(backbone):
    with torch.no_grad():
        return backbone(IMAGES)


def test_a_copy_is_the_same_network_and_no_one_elses(path, loads):
    first, second = built(path), built(path)
    assert len(loads) == 1
    expected = maps(second)
    for parameter in first.parameters():
        parameter.data.zero_()
    third = built(path)
    for found in (second, third):
        assert all(map(torch.equal, maps(found), expected))
    assert len(loads) == 1


def test_other_networks_are_built(path, loads):
    made = [built(path), built(path, in_channels=1), built(path, out_indices=(0, -1))]
    assert len(loads) == 3
    assert [len(backbone.levels) for backbone in made] == [
        len(made[0].levels),
        len(made[0].levels),
        2,
    ]
    # Two are kept: the first has to be read again, the last has not.
    built(path, out_indices=[0, -1])
    assert len(loads) == 3
    built(path)
    assert len(loads) == 4


def test_a_file_that_has_changed_is_read_again(path, loads, tmp_path, monkeypatch):
    before = maps(built(path))
    write(tmp_path / "weights.pth", 2)
    after = maps(built(path))
    assert len(loads) == 2
    assert not torch.equal(before[-1], after[-1])
    # Also where it may have changed within the clock's tick.
    monkeypatch.setattr(_files, "_CLOCK_TICK", 10**18)
    built(path)
    built(path)
    assert len(loads) == 4


def test_a_file_that_is_gone_is_missed(path, tmp_path):
    built(path)
    (tmp_path / "weights.pth").unlink()
    with pytest.raises(FileNotFoundError, match="no such file"):
        built(path)


def test_what_is_drawn_afterwards_does_not_depend_on_what_is_kept(path):
    drawn = []
    for _ in range(2):
        torch.manual_seed(0)
        built(path)
        drawn.append(torch.rand(3))
    assert torch.equal(*drawn)


def test_large_networks_are_not_held(path, loads, monkeypatch):
    monkeypatch.setattr(_kept_networks, "_MOST_BYTES", 1000)
    built(path)
    built(path)
    assert len(loads) == 2
    assert not _kept_networks._KEPT
