"""The gate against its formula in numpy."""

import numpy as np
import pytest
import torch

from skmultigran import GatedFusion, Level

LEVELS = [Level(3, 1), Level(5, 1), Level(4, 1)]


@pytest.fixture
def maps():
    return [torch.randn(2, level.channels, 4, 3) for level in LEVELS]


@pytest.fixture
def module(neutral):
    return neutral(GatedFusion(channels=16, reduction=2).build(LEVELS))


def shares_by_formula(module, projected):
    """Return (B, L, D): softmax over granularities of a two-layer network."""
    squeeze, _, _, expand = (part for part in module.gate)
    summary = np.sum([map_.mean(axis=(2, 3)) for map_ in projected], axis=0)
    hidden = summary @ squeeze.weight.detach().numpy().T
    centred = hidden - hidden.mean(axis=1, keepdims=True)
    hidden = np.maximum(centred / np.sqrt(hidden.var(axis=1, keepdims=True) + 1e-5), 0)
    logits = hidden @ expand.weight.detach().numpy().T + expand.bias.detach().numpy()
    exponentials = np.exp(logits.reshape(len(summary), len(projected), -1))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_output_and_weights_follow_the_formula(module, maps):
    projected = [map_.detach().numpy() for map_ in module.project(maps)]
    shares = shares_by_formula(module, projected)
    expected = np.einsum("bld,lbdhw->bdhw", shares, np.stack(projected))
    (fused,) = module(maps)
    np.testing.assert_allclose(fused.detach(), expected, rtol=1e-4, atol=1e-5)
    weights = module.granularity_weights(maps).detach()
    np.testing.assert_allclose(weights, shares.mean(axis=2), rtol=1e-4)


def test_each_image_and_channel_has_shares_of_its_own(module, maps):
    shares = module._shares(module.project(maps))
    assert shares.shape == (2, 3, 16)
    assert (shares[0] - shares[1]).abs().min() > 0
    assert shares.std(dim=2).min() > 1e-3


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_high_logits_of_one_granularity_leave_only_it(module, maps, chosen):
    with torch.no_grad():
        module.gate[-1].bias.zero_()
        module.gate[-1].bias[16 * chosen : 16 * (chosen + 1)] = 100.0
    (fused,) = module(maps)
    torch.testing.assert_close(fused, module.project(maps)[chosen])
    expected = torch.eye(3)[chosen].expand(2, 3)
    torch.testing.assert_close(module.granularity_weights(maps), expected)


@pytest.mark.parametrize(
    ("channels", "reduction", "hidden"),
    [(64, 4, 16), (64, 1, 64), (64, 16, 8), (2, 4, 8)],
)
def test_hidden_layer_has_at_least_eight_units(channels, reduction, hidden):
    recipe = GatedFusion(channels=channels, reduction=reduction)
    assert recipe.build(LEVELS).gate[0].out_features == hidden


def test_batch_of_one_can_be_trained_on(maps):
    module = GatedFusion(channels=16).build(LEVELS).train()
    (fused,) = module([map_[:1] for map_ in maps])
    assert torch.isfinite(fused).all()
