"""Attention against its formula, and what its tokens know."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from skmultigran import AttentionFusion, Level

LEVELS = [Level(3, 1), Level(5, 2), Level(4, 8)]


def random_maps(levels=LEVELS, size=(8, 8), batch=2):
    return [torch.randn(batch, x.channels, *x.map_size(size)) for x in levels]


@pytest.fixture
def module(neutral):
    recipe = AttentionFusion(channels=8, heads=2, depth=2, grid=2)
    return neutral(recipe.build(LEVELS))


def normed(layer, tokens):
    mean = tokens.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(tokens.var(axis=-1, keepdims=True) + layer.eps)
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    return (tokens - mean) / deviation * weight + bias


def linear(weight, bias, tokens):
    return tokens @ weight.detach().numpy().T + bias.detach().numpy()


def attend(attention, tokens, heads):
    """Return what is read (B, T, D) and the weights (B, heads, T, T)."""
    batch, count, width = tokens.shape
    mixed = linear(attention.in_proj_weight, attention.in_proj_bias, tokens)
    queries, keys, values = mixed.reshape(batch, count, 3, heads, -1).transpose(
        2, 0, 3, 1, 4
    )
    scores = queries @ keys.swapaxes(-1, -2) / math.sqrt(width // heads)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    read = (weights @ values).swapaxes(1, 2).reshape(batch, count, width)
    return linear(attention.out_proj.weight, attention.out_proj.bias, read), weights


def encode(layer, tokens, heads):
    """Return the output of a pre-norm encoder layer and its attention weights."""
    read, weights = attend(layer.self_attn, normed(layer.norm1, tokens), heads)
    tokens = tokens + read
    hidden = linear(
        layer.linear1.weight, layer.linear1.bias, normed(layer.norm2, tokens)
    )
    hidden = functional.gelu(torch.from_numpy(hidden)).numpy()
    return tokens + linear(layer.linear2.weight, layer.linear2.bias, hidden), weights


def tokens_by_formula(module, projected):
    """Return (B, 4 + 4 + 1, D): mean of the cell, plus granularity, plus position."""
    position = module.position_embedding.detach().numpy()[0]  # (D, 2, 2)
    tokens = []
    for i, map_ in enumerate(projected):
        side = min(2, map_.shape[-1])
        for row in range(side):
            for column in range(side):
                cells = map_.reshape(
                    *map_.shape[:2], side, map_.shape[2] // side, side, -1
                )
                where = position[:, row, column] if side == 2 else position.mean((1, 2))
                kind = module.granularity_embedding.detach().numpy()[i, 0]
                tokens.append(cells[:, :, row, :, column].mean((2, 3)) + where + kind)
    return np.stack(tokens, axis=1)


@pytest.fixture
def by_formula(module):
    maps = random_maps()
    projected = [map_.detach().numpy() for map_ in module.project(maps)]
    tokens, received = tokens_by_formula(module, projected), []
    for layer in module.layers:
        tokens, weights = encode(layer, tokens, heads=2)
        received.append(weights)
    return maps, projected, normed(module.norm, tokens), np.stack(received)


def test_output_follows_the_formula(module, by_formula):
    maps, projected, changes, _ = by_formula
    start = 0
    for map_, before in zip(module(maps), projected, strict=True):
        side = min(2, before.shape[-1])
        cells = changes[:, start : start + side * side].swapaxes(1, 2)
        grid = torch.from_numpy(cells.reshape(2, 8, side, side))
        change = functional.interpolate(
            grid, before.shape[-2:], mode="bilinear"
        ).numpy()
        np.testing.assert_allclose(map_.detach(), before + change, rtol=1e-3, atol=1e-4)
        start += side * side


def test_granularity_weights_follow_the_formula(module, by_formula):
    maps, _, _, received = by_formula
    share = received.mean(axis=(0, 2, 3))  # over layers, heads and queries: (B, T)
    expected = np.stack(
        [share[:, :4].sum(1), share[:, 4:8].sum(1), share[:, 8]], axis=1
    )
    weights = module.granularity_weights(maps).detach()
    np.testing.assert_allclose(weights, expected, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(weights.sum(dim=1), 1.0, rtol=1e-5)


def test_granularity_that_no_token_can_overlook_takes_all_attention(module):
    # Queries that ask, and keys that answer, by the same large granularity embedding.
    maps = [torch.zeros_like(map_) for map_ in random_maps()]
    with torch.no_grad():
        module.granularity_embedding.zero_()
        module.position_embedding.zero_()
        module.granularity_embedding[1, 0, 0] = 10.0
        for layer in module.layers:
            layer.self_attn.in_proj_weight.zero_()
            layer.self_attn.in_proj_bias.zero_()
            layer.self_attn.in_proj_bias[:8] = 100.0  # every query
            layer.self_attn.in_proj_weight[8:16, 0] = 100.0  # keys read channel 0
    expected = torch.tensor([[0.0, 1.0, 0.0]] * 2)
    torch.testing.assert_close(module.granularity_weights(maps), expected)


def test_position_of_a_token_matters():
    torch.manual_seed(0)
    module = AttentionFusion(channels=8, grid=2).build([Level(3, 1)]).eval()
    map_ = torch.randn(1, 3, 2, 2)
    fused, moved = module([map_])[0], module([map_.flip(3)])[0]
    # Without positions attention would not see where a token is.
    assert not torch.allclose(moved.flip(3), fused, atol=1e-3)
    with torch.no_grad():
        module.position_embedding.zero_()
    fused, moved = module([map_])[0], module([map_.flip(3)])[0]
    torch.testing.assert_close(moved.flip(3), fused)


def test_granularity_of_a_token_matters():
    module = (
        AttentionFusion(channels=8, grid=1).build([Level(3, 1), Level(3, 1)]).eval()
    )
    module.project.laterals[1].load_state_dict(module.project.laterals[0].state_dict())
    one, other = torch.randn(1, 3, 1, 1), torch.randn(1, 3, 1, 1)
    (a, b), (c, d) = module([one, other]), module([other, one])
    assert not torch.allclose(a, d, atol=1e-3)
    with torch.no_grad():
        module.granularity_embedding.zero_()
    (a, b), (c, d) = module([one, other]), module([other, one])
    torch.testing.assert_close((a, b), (d, c))


def test_each_granularity_reads_the_others(module):
    maps = random_maps()
    before = module(maps)
    for changed in range(3):
        others = [m + 1 if i == changed else m for i, m in enumerate(maps)]
        for map_, other in zip(module(others), before, strict=True):
            assert not torch.allclose(map_, other)


def test_change_keeps_the_detail_of_the_map():
    # One token per map: what attention adds is the same everywhere.
    module = AttentionFusion(channels=8, grid=1).build(LEVELS).eval()
    maps = random_maps()
    for map_, before in zip(module(maps), module.project(maps), strict=True):
        change = map_ - before
        spread = change.amax(dim=(2, 3)) - change.amin(dim=(2, 3))
        assert change.abs().max() > 0.1
        assert spread.max() < 1e-5


@pytest.mark.parametrize("size", [(7, 5), (1, 1), (1, 6), (9, 2)])
def test_grid_is_never_finer_than_the_map(module, size):
    maps = random_maps(size=size)
    for map_, before in zip(module(maps), maps, strict=True):
        assert map_.shape[-2:] == before.shape[-2:]
    expected = [tuple(min(2, side) for side in map_.shape[-2:]) for map_ in maps]
    assert [tuple(module._pool(map_).shape[-2:]) for map_ in maps] == expected


@pytest.mark.parametrize(
    ("channels", "heads", "nearest"),
    [(64, 3, "63 or 66"), (10, 4, "8 or 12"), (2, 4, "4")],
)
def test_channels_must_be_a_multiple_of_heads(channels, heads, nearest):
    message = (
        f"AttentionFusion got channels={channels} and heads={heads}; channels must be "
        f"a multiple of heads. Nearest channels that fit: {nearest}."
    )
    with pytest.raises(ValueError, match=message):
        AttentionFusion(channels=channels, heads=heads).build(LEVELS)
