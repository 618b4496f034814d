"""The optimizer and the schedule that a training recipe stands for."""

import numpy as np
import pytest
import torch
from torch import nn

from skmultigran import Training


def module():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 3))


def steps_without_gradient(training, learned):
    """Return how much each parameter shrinks in one step with a gradient of zero."""
    optimizer = training.build_optimizer(learned.parameters(), lr=0.1)
    for parameter in learned.parameters():
        parameter.data.fill_(1.0)
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return {name: p.mean().item() for name, p in learned.named_parameters()}


@pytest.mark.parametrize(("optimizer", "shrunk"), [("adamw", 0.95), ("sgd", 0.905)])
def test_decay_spares_norms_and_biases(optimizer, shrunk):
    training = Training(optimizer=optimizer, weight_decay=0.5)
    found = steps_without_gradient(training, module())
    decayed = {"0.weight", "2.weight"}
    assert found == {
        name: pytest.approx(shrunk if name in decayed else 1.0) for name in found
    }


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_every_parameter_is_learned_once(optimizer):
    learned = module()
    built = Training(optimizer=optimizer).build_optimizer(learned.parameters(), lr=0.1)
    found = [id(p) for group in built.param_groups for p in group["params"]]
    assert sorted(found) == sorted(map(id, learned.parameters()))
    assert {group["lr"] for group in built.param_groups} == {0.1}


def test_sgd_takes_a_nesterov_step():
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = Training(optimizer="sgd").build_optimizer([parameter], lr=1.0)
    parameter.grad = torch.ones(1)
    optimizer.step()
    assert parameter.item() == pytest.approx(-1.9)


def test_adamw_takes_a_step_of_the_learning_rate():
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = Training().build_optimizer([parameter], lr=0.1)
    parameter.grad = torch.full((1,), 7.0)
    optimizer.step()
    assert parameter.item() == pytest.approx(-0.1, rel=1e-5)


@pytest.mark.parametrize(
    ("progress", "factor"),
    [(0, 0.05), (0.1, 0.525), (0.2, 1), (0.6, 0.5), (0.4, 0.8535534), (1, 0)],
)
def test_one_cycle_known_values(progress, factor):
    assert Training(warm_up=0.2).lr_factor(progress) == pytest.approx(factor)


@pytest.mark.parametrize("warm_up", [0, 0.05, 0.5, 0.99])
def test_one_cycle_rises_peaks_at_the_end_of_the_warm_up_and_falls(warm_up):
    factor = Training(warm_up=warm_up).lr_factor
    rising = [factor(p) for p in np.linspace(0, warm_up, 50)] if warm_up else [1.0]
    falling = [factor(p) for p in np.linspace(warm_up, 1, 50)]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert rising[-1] == falling[0] == 1
    assert falling[-1] == pytest.approx(0)
    assert min(rising + falling) >= 0


@pytest.mark.parametrize("progress", [0, 0.1, 0.5, 1])
def test_constant_schedule(progress):
    assert Training(schedule="constant").lr_factor(progress) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer", "adam"),
        ("weight_decay", -1),
        ("label_smoothing", 1.0),
        ("schedule", "cosine"),
        ("warm_up", 1.0),
        ("warm_up", -0.1),
    ],
)
def test_bad_parameter_is_named(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of Training must be"):
        Training(**{name: value}).check_parameters()


@pytest.mark.parametrize(("optimizer", "expected"), [("adamw", 0.3), ("sgd", 5e-4)])
def test_auto_weight_decay_depends_on_the_optimizer(optimizer, expected):
    weights = [nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))]
    built = Training(optimizer=optimizer).build_optimizer(weights, lr=0.1)
    assert [group["weight_decay"] for group in built.param_groups] == [expected, 0.0]


def test_images_grow_from_coarse_to_whole():
    training = Training(size_schedule="coarse_to_fine")
    scales = [training.image_scale(progress) for progress in np.linspace(0, 1, 11)]
    assert scales == [0.6] * 3 + [0.8] * 3 + [1.0] * 5
    assert {Training().image_scale(p) for p in (0.0, 0.5, 1.0)} == {1.0}
