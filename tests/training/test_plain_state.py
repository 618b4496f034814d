"""States travel as plain types and numpy arrays, and come back whole."""

import json
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from skmultigran import Training
from skmultigran.training import (
    from_plain,
    load_module_state,
    module_state,
    to_plain,
)

PLAIN = (dict, list, tuple, str, int, float, bool, type(None), np.ndarray)


def module():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def stepped(learned, optimizer, steps=3):
    generator = torch.Generator().manual_seed(steps)
    for _ in range(steps):
        optimizer.zero_grad()
        learned(torch.rand(5, 3, generator=generator)).square().sum().backward()
        optimizer.step()


def leaves(state):
    """Yield the state and all its parts."""
    yield state
    if isinstance(state, dict):
        parts = [*state.keys(), *state.values()]
    else:
        parts = state if isinstance(state, (list, tuple)) else []
    for part in parts:
        yield from leaves(part)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_only_plain_types(name):
    learned = module()
    optimizer = Training(optimizer=name).build_optimizer(learned.parameters(), lr=0.1)
    stepped(learned, optimizer)
    for state in (learned.state_dict(), optimizer.state_dict()):
        assert {type(part) for part in leaves(to_plain(state))} <= set(PLAIN)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_training_goes_on_exactly_where_it_was(name):
    learned, copied = module(), module()
    first, second = (
        Training(optimizer=name).build_optimizer(part.parameters(), lr=0.1)
        for part in (learned, copied)
    )
    stepped(learned, first)
    states = [to_plain(part.state_dict()) for part in (learned, first)]
    copied.load_state_dict(from_plain(states[0]))
    second.load_state_dict(from_plain(states[1]))
    stepped(learned, first, steps=2)
    stepped(copied, second, steps=2)
    for name_, value in learned.state_dict().items():
        assert torch.equal(copied.state_dict()[name_], value)


def test_arrays_do_not_follow_the_tensors():
    tensor = torch.zeros(2)
    state = to_plain({"a": [tensor]})
    tensor += 1
    assert state["a"][0].tolist() == [0, 0]


def test_tensors_do_not_follow_the_arrays():
    array = np.zeros(2)
    array.flags.writeable = False
    tensor = from_plain((array,))[0]
    tensor += 1
    assert array.tolist() == [0, 0]


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(3),
        torch.zeros(0),
        torch.tensor([True, False]),
        torch.rand(2, 3, dtype=torch.float64),
        torch.rand(2, 3, 2, 2).contiguous(memory_format=torch.channels_last),
        nn.Parameter(torch.rand(2)),
    ],
)
def test_dtype_shape_and_values_come_back(tensor):
    found = from_plain(to_plain(tensor))
    assert found.dtype == tensor.dtype
    assert found.shape == tensor.shape
    assert torch.equal(found, tensor)


def test_structure_comes_back():
    state = OrderedDict(a=[1, (2.0, None)], b={"c": "d", 3: True})
    plain = to_plain(state)
    assert type(plain) is dict
    assert from_plain(plain) == dict(state)
    assert json.loads(json.dumps(plain["a"])) == [1, [2.0, None]]


class Tied(nn.Module):
    """Two layers that share a weight, and a buffer each."""

    def __init__(self, width=3):
        super().__init__()
        self.first, self.second = nn.BatchNorm1d(width), nn.BatchNorm1d(width)
        self.second.weight = self.first.weight


def test_module_state_holds_shared_weights_once():
    module = Tied()
    module.first.running_mean.fill_(2.0)
    module.first.weight.data.fill_(5.0)
    state = module_state(module)
    assert "first.weight" in state
    assert "second.weight" not in state
    other = Tied()
    load_module_state(other, state)
    assert other.second.weight is other.first.weight
    for name, value in module.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)


def test_module_state_is_a_copy():
    module = Tied()
    state = module_state(module)
    module.first.weight.data.fill_(9.0)
    assert state["first.weight"].tolist() == [1.0] * 3


def test_state_of_another_module_is_refused():
    with pytest.raises(ValueError, match="built otherwise"):
        load_module_state(nn.Linear(2, 2), module_state(Tied()))
