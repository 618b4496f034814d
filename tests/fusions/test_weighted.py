"""The weighted sum against the formula of BiFPN."""

import pytest
import torch
from torch import nn

from skmultigran import Level, WeightedFusion

LEVELS = [Level(3, 1), Level(5, 1), Level(4, 1)]


@pytest.fixture
def maps():
    return [torch.randn(2, level.channels, 4, 3) for level in LEVELS]


@pytest.fixture
def module(neutral):
    return neutral(WeightedFusion(channels=6).build(LEVELS))


def set_weights(module, values):
    with torch.no_grad():
        module.weights.weight.copy_(torch.tensor(values))


def test_equal_weights_give_the_mean_of_the_projected_maps(module, maps):
    (fused,) = module(maps)
    expected = torch.stack(module.project(maps)).mean(dim=0)
    # The formula's 1e-4 makes the sum of three shares 3 / 3.0001.
    torch.testing.assert_close(fused, expected * 3 / 3.0001)


def test_shares_are_the_positive_weights_over_their_sum(module, maps):
    set_weights(module, [2.0, -1.0, 6.0])
    expected = torch.tensor([2 / 8.0001, 0.0, 6 / 8.0001])
    torch.testing.assert_close(
        module.granularity_weights(maps), expected.expand(2, 3), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_all_weight_on_one_granularity_leaves_only_it(module, maps, chosen):
    set_weights(module, [5.0 if i == chosen else 0.0 for i in range(3)])
    (fused,) = module(maps)
    torch.testing.assert_close(fused, module.project(maps)[chosen] * 5 / 5.0001)


def test_no_positive_weight_gives_zeros_not_an_error(module, maps):
    set_weights(module, [-1.0, -1.0, 0.0])
    (fused,) = module(maps)
    assert torch.equal(fused, torch.zeros(2, 6, 4, 3))


def test_coarse_map_is_brought_to_the_finest_size(neutral):
    module = neutral(WeightedFusion(channels=6).build([Level(3, 1), Level(3, 8)]))
    fine, coarse = torch.randn(2, 3, 7, 5), torch.randn(2, 3, 1, 1)
    (fused,) = module([fine, coarse])
    fine, coarse = module.project([fine, coarse])
    torch.testing.assert_close(fused, (fine + coarse) / 2.0001)


def test_useful_granularity_gains_weight():
    torch.manual_seed(0)
    module = WeightedFusion(channels=4).build([Level(4, 1), Level(4, 1)])
    module.project = nn.Identity()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(30):
        signal, noise = torch.randn(8, 4, 1, 1), torch.randn(8, 4, 1, 1)
        loss = (module([signal, noise])[0] - signal).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    useful, useless = module.granularity_weights([signal, noise])[0].tolist()
    assert useful > 0.9 > 0.1 > useless
