"""Every fusion keeps its promises, alone and beside the others."""

from itertools import combinations

import pytest
import torch
from sklearn.base import clone

import skmultigran
from skmultigran import (
    AttentionFusion,
    BiFPNFusion,
    ConcatFusion,
    FPNFusion,
    GatedFusion,
    Level,
    PAFPNFusion,
    SumFusion,
    WeightedFusion,
)
from skmultigran._registry import FUSIONS
from skmultigran.estimator_checks import check_fusion

NAMES = FUSIONS.names()
CLASSES = {
    "attention": AttentionFusion,
    "bifpn": BiFPNFusion,
    "concat": ConcatFusion,
    "fpn": FPNFusion,
    "gated": GatedFusion,
    "pafpn": PAFPNFusion,
    "sum": SumFusion,
    "weighted": WeightedFusion,
}
SPATIAL = {"bifpn", "fpn", "pafpn"}
WITH_WEIGHTS = ["attention", "gated", "weighted"]


def random_maps(levels, image_size=(16, 16), batch=2):
    return [torch.randn(batch, x.channels, *x.map_size(image_size)) for x in levels]


def test_names_stand_for_the_public_classes():
    assert {name: type(FUSIONS.recipe(name)) for name in NAMES} == CLASSES
    assert {x.__name__ for x in CLASSES.values()} <= set(skmultigran.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_spatial_says_whether_neighbours_are_read(name):
    assert FUSIONS.recipe(name).spatial is (name in SPATIAL)


@pytest.mark.parametrize("name", NAMES)
def test_registered_fusion_keeps_its_promises(name):
    check_fusion(name)


@pytest.mark.parametrize(
    "recipe",
    [
        AttentionFusion(channels=6, heads=3, depth=2, grid=1, dropout=0.5),
        AttentionFusion(channels=4, heads=1, grid=3),
        BiFPNFusion(channels=5, repeats=1),
        ConcatFusion(channels=3),
        GatedFusion(channels=5, reduction=100),
        GatedFusion(channels=24, reduction=1),
        SumFusion(channels=1),
        WeightedFusion(channels=2),
    ],
    ids=repr,
)
def test_variant_keeps_its_promises(recipe):
    check_fusion(recipe)


@pytest.mark.parametrize("name", NAMES)
def test_every_fusion_has_channels(name):
    recipe = FUSIONS.recipe(name).set_params(channels=12)
    for level in clone(recipe).build([Level(3, 1), Level(5, 2)]).levels:
        assert level.channels % 12 == 0


@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize("name", NAMES)
def test_strides_of_the_output_are_those_of_the_input(name, count):
    levels = [Level(3 + i, 1.5 * 2 ** (i // 2)) for i in range(count)]
    strides = [level.stride for level in FUSIONS.recipe(name).build(levels).levels]
    finest, all_of_them = [1.5], [level.stride for level in levels]
    assert strides == (all_of_them if name in SPATIAL | {"attention"} else finest)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_single_pixels_and_equal_strides_train(name, count):
    levels = [Level(4, 8)] * count
    module = FUSIONS.recipe(name).build(levels).train()
    for map_ in module(random_maps(levels, image_size=(1, 1))):
        assert map_.shape[-2:] == (1, 1)
        assert torch.isfinite(map_).all()


@pytest.mark.parametrize("name", NAMES)
def test_maps_may_differ_from_the_described_sizes(name):
    # Pyramids round each scale's size on its own, so that a map of a higher stride
    # may be larger along one axis than its finer neighbour, and smaller along another.
    levels = [Level(3, 4), Level(4, 4), Level(5, 5)]
    shapes = [(6, 5), (5, 6), (6, 3)]
    maps = [torch.randn(2, x.channels, *s) for x, s in zip(levels, shapes, strict=True)]
    fused = FUSIONS.recipe(name).build(levels).eval()(maps)
    sizes = [tuple(map_.shape[-2:]) for map_ in fused]
    assert sizes == (shapes if len(fused) == 3 else [(6, 6)])


def fused_by(name, levels, maps):
    torch.manual_seed(0)  # equal layers get equal weights
    recipe = FUSIONS.recipe(name).set_params(channels=8)
    return recipe.build(levels).eval()(maps)


@pytest.mark.parametrize(("one", "other"), list(combinations(NAMES, 2)))
def test_different_fusions_give_different_maps(one, other):
    levels = [Level(8, 1), Level(8, 2)]
    maps = random_maps(levels)
    pairs = zip(
        fused_by(one, levels, maps), fused_by(other, levels, maps), strict=False
    )
    assert not all(
        a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=1e-2) for a, b in pairs
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_level_is_refused(name):
    owner = CLASSES[name].__name__
    with pytest.raises(ValueError, match=f"{owner} got no level; it needs at least"):
        FUSIONS.recipe(name).build([])


@pytest.mark.parametrize("name", NAMES)
def test_decreasing_strides_are_refused(name):
    message = (
        rf"{CLASSES[name].__name__} got levels of strides \[2, 1\].*Sort the levels"
    )
    with pytest.raises(ValueError, match=message):
        FUSIONS.recipe(name).build([Level(3, 2), Level(3, 1)])


@pytest.mark.parametrize("channels", [0, -1, 2.5, "64"])
@pytest.mark.parametrize("name", NAMES)
def test_invalid_channels_are_refused(name, channels):
    recipe = CLASSES[name](channels=channels)
    message = f"'channels' parameter of {CLASSES[name].__name__} must be .*{channels!r}"
    with pytest.raises(ValueError, match=message):
        recipe.build([Level(3, 1)])


@pytest.mark.parametrize(
    ("recipe", "parameter"),
    [
        (AttentionFusion(heads=0), "heads"),
        (AttentionFusion(depth=0), "depth"),
        (AttentionFusion(grid=0), "grid"),
        (AttentionFusion(dropout=1.0), "dropout"),
        (BiFPNFusion(repeats=0), "repeats"),
        (GatedFusion(reduction=0), "reduction"),
    ],
    ids=repr,
)
def test_other_invalid_parameters_are_refused(recipe, parameter):
    message = f"'{parameter}' parameter of {type(recipe).__name__} must be"
    with pytest.raises(ValueError, match=message):
        recipe.build([Level(3, 1)])


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_weights_do_not_change_the_module(name):
    levels = [Level(3, 1), Level(5, 2)]
    module, maps = FUSIONS.recipe(name).build(levels).eval(), random_maps(levels)
    before = module(maps)
    weights = module.granularity_weights(maps)
    for map_, other in zip(module(maps), before, strict=True):
        assert torch.equal(map_, other)
    assert torch.equal(weights, module.granularity_weights(maps))
