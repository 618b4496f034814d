import pytest
import torch

from skmultigran import ConvNetBackbone, DenseHead, Level
from skmultigran._network import NetworkRecipe, Normalisation
from skmultigran._registry import FUSIONS
from skmultigran.heads import DistinctStrides

LEVELS = [Level(4, 2), Level(3, 4), Level(5, 4), Level(6, 8)]
SIZES = [(12, 10), (6, 5), (6, 5), (3, 3)]


def maps_of(levels=LEVELS, sizes=SIZES):
    return [
        torch.randn(2, level.channels, *size)
        for level, size in zip(levels, sizes, strict=True)
    ]


def network(fusion, scales=(1.0,), size=(32, 24), n_outputs=3):
    return (
        NetworkRecipe(
            ConvNetBackbone(widths=(6, 8, 10), stem_stride=1),
            FUSIONS.recipe(fusion),
            DenseHead(channels=8),
            scales,
            3,
            size,
            n_outputs,
            Normalisation([0.5] * 3, [0.2] * 3),
        )
        .build()
        .eval()
    )


def test_levels_of_equal_stride_are_merged():
    merge = DistinctStrides(LEVELS, 7)
    assert merge.levels == (Level(7, 2), Level(7, 4), Level(7, 8))
    assert merge.members == ((0,), (1, 2), (3,))
    assert [m.shape[1:] for m in merge(maps_of())] == [
        (7, 12, 10),
        (7, 6, 5),
        (7, 3, 3),
    ]


def test_a_merged_map_is_the_sum_of_its_members():
    merge = DistinctStrides(LEVELS, 7).eval()
    maps = maps_of()
    apart = merge.project[1](maps[1]) + merge.project[2](maps[2])
    torch.testing.assert_close(merge(maps)[1], apart)


def test_strides_that_differ_by_rounding_are_equal():
    levels = [Level(2, 3.0), Level(2, 0.3 / 0.1)]
    merge = DistinctStrides(levels, 4)
    assert merge.members == ((0, 1),)
    assert merge([torch.zeros(1, 2, 5, 5), torch.zeros(1, 2, 4, 5)])[0].shape[2:] == (
        5,
        5,
    )


@pytest.mark.parametrize("depth", [0, 2])
def test_answer_has_the_size_of_the_image(depth):
    head = DenseHead(channels=8, depth=depth).build(LEVELS, 5)
    assert head(maps_of(), (23, 19)).shape == (2, 5, 23, 19)


@pytest.mark.parametrize("fusion", FUSIONS.names())
@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5)])
@pytest.mark.parametrize("size", [(32, 24), (13, 29), (1, 1)])
def test_every_fusion_gives_an_answer_per_pixel(fusion, scales, size):
    net = network(fusion, scales)
    images = torch.rand(2, 3, *size)
    raw = net(images)
    assert raw.shape == (2, 3, *size)
    assert raw.isfinite().all()
    # Every granularity has a say, and every part learns.
    net.train()
    net(torch.rand(4, 3, 32, 24)).square().mean().backward()
    unused = [n for n, p in net.named_parameters() if p.grad is None]
    assert not unused


def test_there_are_eight_fusions():
    assert len(FUSIONS.names()) == 8


@pytest.mark.parametrize("fusion", ["fpn", "concat"])
def test_a_shift_by_whole_strides_shifts_the_answer(fusion):
    net = network(fusion)
    image = torch.rand(1, 3, 96, 96)
    step = net.step
    inner = net(image)[..., 40:56, 40:56]
    moved = net(image[..., step:, step:])[
        ..., 40 - step : 56 - step, 40 - step : 56 - step
    ]
    torch.testing.assert_close(inner, moved, atol=1e-4, rtol=1e-4)


def test_padding_repeats_the_border():
    net = network("concat")
    images = torch.rand(1, 3, 9, 12)
    padded = net.padded(images)
    assert padded.shape[2:] == (12, 12)
    torch.testing.assert_close(padded[:, :, 9:], images[:, :, 8:].expand(1, 3, 3, 12))
    assert net.padded(padded) is padded


def test_rows_of_maps_stand_for_crops():
    net = network("fpn", size=(16, 24))
    images = torch.rand(2, 3, 16, 24)
    rows = torch.cat([m.flatten(1) for m in net.extract(images)], dim=1)
    torch.testing.assert_close(net(rows), net(images))
    shapes = [tuple(m.shape[1:]) for m in net.extract(net.padded(images))]
    assert shapes == net.map_shapes((16, 24))
