"""Norms folded into convolutions give what the unfolded network gives."""

import copy
import gc
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional

from skmultigran import (
    BoxHead,
    ConcatFusion,
    ConvNetBackbone,
    FPNFusion,
    MultiColumnBackbone,
    PooledHead,
)
from skmultigran._network import NetworkRecipe, Normalisation
from skmultigran.training._folding import folded, held_norms_folded
from skmultigran.training._freezing import freeze


def make_network(backbone=None, fusion=None, scales=(1.0,)):
    torch.manual_seed(0)
    network = NetworkRecipe(
        backbone or ConvNetBackbone(widths=(4, 8)),
        fusion or ConcatFusion(),
        PooledHead(),
        scales,
        3,
        (16, 16),
        5,
        Normalisation([0.5] * 3, [0.5] * 3),
    ).build()
    for _ in range(3):  # statistics that are not those of a fresh norm
        network(torch.rand(8, 3, 16, 16))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval().double()


def n_norms(network):
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5)])
@pytest.mark.parametrize("fusion", [ConcatFusion(), FPNFusion(channels=8)])
@pytest.mark.parametrize(
    "backbone",
    [ConvNetBackbone(widths=(4, 8), depth=2), MultiColumnBackbone()],
)
def test_all_norms_are_folded_and_the_answers_stay(backbone, fusion, scales):
    network = make_network(backbone, fusion, scales)
    images = torch.rand(4, 3, 16, 16, dtype=torch.float64)
    copied = folded(network)
    assert n_norms(network) > 0
    assert n_norms(copied) == 0
    with torch.no_grad():
        torch.testing.assert_close(copied(images), network(images))


def test_norms_with_activation_are_folded():
    timm = pytest.importorskip("timm")
    network = _Plain(timm.create_model("tf_efficientnet_lite0", num_classes=3))
    images = torch.rand(2, 3, 32, 32)
    copied = folded(network)
    assert n_norms(copied) == 0
    with torch.no_grad():
        expected, got = network(images), copied(images)
    scale = float(expected.abs().max())
    torch.testing.assert_close(got, expected, atol=1e-4 * scale, rtol=0)


def test_the_network_stays_as_it_was():
    network = make_network()
    before = copy.deepcopy(network.state_dict())
    folded(network)
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert all("forward" not in vars(module) for module in network.modules())


def test_a_copy_is_remembered_until_a_weight_changes():
    network = make_network()
    first = folded(network)
    assert folded(network) is first
    with torch.no_grad():
        next(network.pyramid.parameters()).mul_(2)
    second = folded(network)
    assert second is not first
    images = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(second(images), network(images))


def test_statistics_count_as_weights():
    network = make_network()
    first = folded(network)
    network.pyramid.backbones[0].stem[1].running_mean.add_(1)
    assert folded(network) is not first


def test_a_part_that_is_replaced_counts_as_a_weight():
    network = make_network()
    first = folded(network)
    network.head.linear = copy.deepcopy(network.head.linear)
    assert folded(network) is not first
    network.head.linear.weight = nn.Parameter(network.head.linear.weight + 1)
    images = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(folded(network)(images), network(images))


@pytest.mark.parametrize("make", [make_network, lambda: _Plain(nn.Conv2d(3, 2, 3))])
def test_a_network_that_nobody_uses_is_let_go_of(make):
    network = make()
    folded(network)
    noticed = weakref.ref(network)
    del network
    gc.collect()
    assert noticed() is None


class _Plain(nn.Module):
    """Any module as a network: it has a mean, and is in evaluation mode."""

    def __init__(self, module):
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, 3, 1, 1))
        self.module = module
        self.eval()

    def forward(self, images):
        return self.module(images)


class _UsedTwice(nn.Module):
    """What the convolution gives goes into the norm and past it."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.norm.running_mean += 1

    def forward(self, images):
        map_ = self.convolution(images)
        return map_ + 2 * self.norm(map_)


def test_a_convolution_whose_output_is_used_elsewhere_is_left_alone():
    network = _Plain(_UsedTwice())
    assert folded(network) is network


def test_a_network_without_norms_is_its_own_copy():
    network = _Plain(nn.Conv2d(3, 4, 3))
    assert folded(network) is network


# ------------------------------------------------------------------ training


def gradients(network, images):
    network.zero_grad()
    targets = torch.arange(len(images)) % 5
    functional.cross_entropy(network(images), targets).backward()
    return {name: p.grad.clone() for name, p in network.named_parameters()}


def test_gradients_are_those_of_the_unfolded_network():
    network = make_network()
    freeze(network, "all", hold_statistics=True)
    network.train()
    images = torch.rand(6, 3, 16, 16, dtype=torch.float64)
    expected = gradients(network, images)
    names = list(network.state_dict())
    with held_norms_folded(network):
        got = gradients(network, images)
        assert list(network.state_dict()) == names
    for name, gradient in expected.items():
        torch.testing.assert_close(got[name], gradient, msg=name)
    again = gradients(network, images)
    assert all(torch.equal(again[name], expected[name]) for name in expected)


def test_only_held_norms_are_folded_in_training():
    network = make_network()
    network.train()
    norm = network.pyramid.backbones[0].stem[1]
    before = norm.running_mean.clone()
    with held_norms_folded(network):
        network(torch.rand(6, 3, 16, 16, dtype=torch.float64))
    assert not torch.equal(norm.running_mean, before)


def test_training_goes_back_when_it_fails():
    network = make_network()
    freeze(network, "all", hold_statistics=True)
    with pytest.raises(KeyboardInterrupt), held_norms_folded(network):
        raise KeyboardInterrupt
    assert all("forward" not in vars(module) for module in network.modules())
    assert network.training


def test_a_network_made_in_inference_mode():
    with torch.inference_mode():
        network = make_network()
        assert n_norms(folded(network)) == 0


def test_networks_for_objects_are_folded_though_some_limits_are_infinite():
    network = NetworkRecipe(
        ConvNetBackbone(widths=(4, 8)),
        FPNFusion(channels=8),
        BoxHead(channels=8),
        (1.0,),
        3,
        (16, 16),
        5,
        Normalisation([0.5] * 3, [0.5] * 3),
    ).build()
    network.eval()
    images = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        expected = network(images)
        copied = folded(network)
        assert n_norms(copied) == 0 < n_norms(network)
        assert not expected.isfinite().all()
        torch.testing.assert_close(copied(images), expected, rtol=1e-4, atol=1e-5)
