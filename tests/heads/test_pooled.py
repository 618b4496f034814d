"""Pooling on small grids: what is in the image, and roughly where."""

import numpy as np
import pytest
import torch

from skmultigran import Level, PooledHead

MAP = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]]).reshape(1, 1, 2, 4)


def pooled(map_, pooling, grid):
    (maps,) = PooledHead(pooling=pooling, grid=(grid,)).build_pooling()([map_])
    return maps[0]


@pytest.mark.parametrize(
    ("pooling", "grid", "expected"),
    [
        (("avg",), 1, [[4.5]]),
        (("max",), 1, [[8]]),
        (("avg", "max"), 1, [[4.5], [8]]),
        (("max", "avg"), 1, [[8], [4.5]]),
        (("avg",), 2, [[1.5, 3.5, 5.5, 7.5]]),
        (("max",), 2, [[2, 4, 6, 8]]),
        (("avg",), 4, [[1, 2, 3, 4] * 2 + [5, 6, 7, 8] * 2]),
    ],
)
def test_known_answers(pooling, grid, expected):
    found = pooled(MAP, pooling, grid)
    assert found.shape == (1, len(pooling), grid, grid)
    assert found.flatten(2)[0].tolist() == expected


@pytest.mark.parametrize("grid", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_maps_smaller_than_the_grid_repeat_pixels(grid, size, pooling):
    map_ = torch.arange(5.0)[: max(size)].reshape(1, 1, *size)
    found = pooled(map_, (pooling,), grid)[0, 0]
    assert found.isfinite().all()
    if size[0] == 1:
        assert (found == found[:1]).all()
    if size[1] == 1:
        assert (found == found[:, :1]).all()


def test_one_pixel_fills_the_grid():
    found = pooled(torch.full((1, 1, 1, 1), 7.0), ("avg", "max"), 2)
    assert (found == 7).all()


@pytest.mark.parametrize("size", [(4, 6), (1, 7), (5, 1)])
def test_one_cell_equals_adaptive_pooling(size):
    map_ = torch.rand(2, 3, *size)
    for name, reference in [
        ("avg", torch.nn.AdaptiveAvgPool2d(1)),
        ("max", torch.nn.AdaptiveMaxPool2d(1)),
    ]:
        torch.testing.assert_close(pooled(map_, (name,), 1), reference(map_))


def test_one_list_of_maps_per_grid():
    maps = [torch.rand(2, 3, 8, 8), torch.rand(2, 5, 4, 4)]
    grids = PooledHead(grid=(1, 2, 3)).build_pooling()(maps)
    assert [[tuple(map_.shape[1:]) for map_ in grid] for grid in grids] == [
        [(6, side, side), (10, side, side)] for side in (1, 2, 3)
    ]


@pytest.mark.parametrize("pooling", [("avg",), ("avg", "max")])
def test_levels_say_what_comes_out(pooling):
    levels = [Level(3, 1), Level(5, 2.5)]
    found = PooledHead(pooling=pooling).build_pooling().levels(levels)
    assert found == (Level(3 * len(pooling), 1), Level(5 * len(pooling), 2.5))


def answers(grid, *maps, n_outputs=4):
    """Return the raw numbers for maps of one level, from one head."""
    torch.manual_seed(0)
    pooling = PooledHead(grid=grid).build_pooling()
    levels = pooling.levels([Level(maps[0].shape[1], 1)])
    head = PooledHead(grid=grid).build(levels, n_outputs).eval()
    return [head(head.pool([map_])) for map_ in maps]


@pytest.mark.parametrize("axis", [-1, -2])
def test_layout_matters_with_a_2_x_2_grid_only(axis):
    map_ = torch.rand(2, 3, 8, 8)
    original, mirrored = answers((1, 2), map_, map_.flip(axis))
    assert (original - mirrored).abs().max() > 1e-3
    original, mirrored = answers((1,), map_, map_.flip(axis))
    torch.testing.assert_close(original, mirrored)


def test_answer_is_a_linear_map_of_all_cells():
    torch.manual_seed(0)
    head = PooledHead(pooling=("avg",), grid=(1, 2)).build([Level(3, 1)], 4).eval()
    grids = head.pool([torch.rand(2, 3, 8, 8)])
    cells = torch.cat([grids[0][0].flatten(1), grids[1][0].flatten(1)], dim=1)
    scaled = cells / (1 + head.norm.eps) ** 0.5
    expected = scaled @ head.linear.weight.T + head.linear.bias
    assert cells.shape == (2, 3 * (1 + 4))
    torch.testing.assert_close(head(grids), expected)


def test_dropout_acts_in_training_only():
    head = PooledHead(dropout=0.5).build([Level(6, 1)], 4)
    grids = head.pool([torch.rand(8, 3, 8, 8)])
    assert not torch.equal(head.train()(grids), head(grids))
    assert torch.equal(head.eval()(grids), head(grids))


@pytest.mark.parametrize("sequence", [list, tuple, np.array])
def test_parameters_may_be_any_sequence(sequence):
    head = PooledHead(pooling=sequence(["max"]), grid=sequence([2]))
    assert head.build_pooling()([MAP])[0][0].flatten().tolist() == [2, 4, 6, 8]


@pytest.mark.parametrize("pooling", [(), ("avg", "median"), ["AVG"], (1,)])
def test_bad_pooling(pooling):
    with pytest.raises(ValueError, match=r"PooledHead got pooling=.* 'avg', 'max'"):
        PooledHead(pooling=pooling).build_pooling()


@pytest.mark.parametrize("grid", [(), (0,), (1, -2), (1.5,), ("a",), [[1, 2]]])
def test_bad_grid(grid):
    with pytest.raises(ValueError, match=r"PooledHead got grid=.*positive integers"):
        PooledHead(grid=grid).build([Level(2, 1)], 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [("pooling", "avg"), ("grid", 2), ("dropout", 1.0), ("dropout", -0.1)],
)
def test_parameter_of_the_wrong_kind_is_named(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of PooledHead must be"):
        PooledHead(**{name: value}).build([Level(2, 1)], 4)


@pytest.mark.parametrize("channels", [64, 512, 4096])
def test_a_step_changes_the_answer_as_much_for_any_number_of_features(channels):
    levels = [Level(channels, 1)]
    head = PooledHead(pooling=("avg",), grid=(1,)).build(levels, 1)
    grids = [[torch.randn(32, channels, 1, 1)]]
    before = head(grids)
    with torch.no_grad():
        head.linear.weight += 0.01  # as a first step of Adam moves every weight
    change = (head(grids) - before).norm() / 32**0.5
    # Independent normalised features: 0.01 times the root of their number at most.
    assert change <= 0.01 * min(channels, 256) ** 0.5 * 1.5


@pytest.mark.parametrize("size", [(4, 6), (7, 7), (1, 7), (5, 1), (3, 2)])
@pytest.mark.parametrize("grid", [2, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_cells_that_are_learned_from_equal_adaptive_pooling(size, grid, layout):
    map_ = torch.rand(2, 3, *size).to(memory_format=layout)
    for name, reference in [
        ("avg", torch.nn.AdaptiveAvgPool2d(grid)),
        ("max", torch.nn.AdaptiveMaxPool2d(grid)),
    ]:
        ours, theirs = map_.clone().requires_grad_(), map_.clone().requires_grad_()
        found, expected = pooled(ours, (name,), grid), reference(theirs)
        torch.testing.assert_close(found, expected)
        weights = torch.rand_like(found)
        (found * weights).sum().backward()
        (expected * weights).sum().backward()
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_a_pass_without_data_leaves_later_ones_alone():
    pool = PooledHead(pooling=("avg",), grid=(2,)).build_pooling()
    shape = (1, 3, 46, 47)  # of no other test: what is known of a size is kept
    with torch.device("meta"):
        pool([torch.zeros(shape, requires_grad=True)])
    maps = torch.rand(shape, requires_grad=True)
    torch.testing.assert_close(
        pool([maps])[0][0], torch.nn.functional.adaptive_avg_pool2d(maps, 2)
    )


def test_cells_in_bfloat16_are_summed_without_rounding_the_counts():
    map_ = torch.ones(1, 2, 7, 7, dtype=torch.bfloat16, requires_grad=True)
    assert (pooled(map_, ("avg",), 2) == 1).all()


def test_a_power_evens_out_large_features():
    levels = [Level(2, 1)]
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(8, 2, 1, 1, generator=generator) * 9
    maps[0, 0] = 0
    plain, rooted = (
        PooledHead(pooling=("avg",), grid=(1,), power=power).build(levels, 3)
        for power in (1.0, 0.5)
    )
    rooted.load_state_dict(plain.state_dict())
    roots = maps.sign() * maps.abs().sqrt()
    torch.testing.assert_close(rooted([[maps]]), plain([[roots]]))
    maps.requires_grad_()
    rooted([[maps]]).sum().backward()
    assert maps.grad.isfinite().all()
