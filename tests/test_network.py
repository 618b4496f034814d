"""The network is its parts in the order of the picture."""

import pickle

import pytest
import torch

from skmultigran import ConvNetBackbone, DenseHead, Level, PooledHead
from skmultigran._network import NetworkRecipe, Normalisation
from skmultigran._registry import FUSIONS
from skmultigran.backbones import Backbone, BackboneRecipe


class Pixels(BackboneRecipe):
    """A backbone whose only map is the image."""

    def build(self, in_channels, image_size):
        module = _Pixels()
        module.levels = (Level(in_channels, 1),)
        return module


class _Pixels(Backbone):
    def forward(self, images):
        return [images]


def recipe(channels=1, **changes):
    parts = {
        "backbone": ConvNetBackbone(widths=(8, 8, 8)),
        "fusion": FUSIONS.recipe("concat"),
        "head": PooledHead(),
        "scales": (1.0, 0.5),
        "in_channels": channels,
        "image_size": (16, 16),
        "n_outputs": 3,
        "normalisation": Normalisation([0.5] * channels, [0.25] * channels),
    }
    return NetworkRecipe(**(parts | changes))


def built(network_recipe, seed=0):
    torch.manual_seed(seed)
    return network_recipe.build()


def small(name, **changes):
    return recipe(fusion=FUSIONS.recipe(name).set_params(channels=8), **changes)


def test_normalisation_known_answer():
    network = built(
        recipe(
            2,
            backbone=Pixels(),
            scales=(1.0,),
            normalisation=Normalisation((0.5, 0.1), [0.25, 2]),
        )
    )
    images = torch.tensor([1.0, 0.5]).reshape(1, 2, 1, 1)
    torch.testing.assert_close(
        network.extract(images)[0].flatten().tolist(), [2.0, 0.2]
    )


def test_normalisation_is_saved_but_not_learned():
    network = built(recipe())
    assert {"mean", "std"} <= set(network.state_dict())
    assert not {"mean", "std"} & set(dict(network.named_parameters()))


@pytest.mark.parametrize("name", FUSIONS.names())
@pytest.mark.parametrize("size", [(16, 16), (1, 1), (1, 33), (17, 9)])
def test_every_fusion_answers_for_every_image_size(name, size):
    network = built(small(name, image_size=size)).eval()
    outputs = network(torch.rand(4, 1, *size))
    assert outputs.shape == (4, 3)
    assert outputs.isfinite().all()


@pytest.mark.parametrize("name", FUSIONS.names())
def test_every_parameter_gets_a_gradient(name):
    network = built(small(name))
    network(torch.rand(4, 1, 16, 16)).square().sum().backward()
    missing = [key for key, p in network.named_parameters() if p.grad is None]
    assert missing == []


@pytest.mark.parametrize("name", FUSIONS.names())
@pytest.mark.parametrize("pooling", [("avg",), ("avg", "max")])
def test_fusion_sees_maps_or_pooled_maps_as_it_says(name, pooling):
    network = built(small(name, head=PooledHead(pooling=pooling, grid=(1, 3)))).eval()
    seen = []
    network.fusion.register_forward_pre_hook(
        lambda module, inputs: seen.append([tuple(m.shape[1:]) for m in inputs[0]])
    )
    network(torch.rand(2, 1, 16, 16))
    levels = network.pyramid.levels
    whole = [[(level.channels, *level.map_size((16, 16))) for level in levels]]
    grids = [[(8 * len(pooling), side, side)] * len(levels) for side in (1, 3)]
    assert seen == (whole if FUSIONS.recipe(name).spatial else grids)


def test_fusion_that_is_not_spatial_commutes_with_average_pooling_of_one_pixel():
    network = built(
        small("concat", head=PooledHead(pooling=("avg",), grid=(1,)))
    ).eval()
    maps = [torch.rand(2, 8, 1, 1) for _ in network.pyramid.levels]
    expected = network.head.pool(network.fusion(maps))
    for found, wanted in zip(network.fuse(maps), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_forward_is_extract_then_fuse_then_head():
    network, images = built(recipe()).eval(), torch.rand(2, 1, 16, 16)
    by_hand = network.head(network.fuse(network.extract(images)))
    assert torch.equal(network(images), by_hand)


@pytest.mark.parametrize("name", FUSIONS.names())
def test_recipe_pickles_to_one_that_builds_the_same(name):
    original = small(name)
    copied = pickle.loads(pickle.dumps(original))
    assert repr(copied) == repr(original)
    copied = built(copied)
    copied.load_state_dict(built(original, seed=1).state_dict())
    images = torch.rand(2, 1, 16, 16)
    expected = built(original, seed=1).eval()(images)
    assert torch.equal(copied.eval()(images), expected)


def test_same_seed_same_weights_another_seed_other_ones():
    first, second, third = (built(recipe(), seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.linear.weight"], third["head.linear.weight"])


def test_built_networks_share_nothing():
    first, second = built(recipe()), built(recipe())
    storages = {p.data_ptr() for p in first.parameters()}
    assert storages.isdisjoint(p.data_ptr() for p in second.parameters())


@pytest.mark.parametrize("scales", [(1.0, 0.75), (1.5, 1.0), (1.0, 2 / 3), (0.5,)])
def test_a_dense_network_pads_images_to_a_multiple_of_every_stride(scales):
    network = recipe(head=DenseHead(), scales=scales).build()
    levels = network.pyramid.levels
    for level in levels:
        assert network.step / level.stride == pytest.approx(
            round(network.step / level.stride)
        )
    images = network.padded(torch.zeros(1, 1, 40, 33))
    for map_, level in zip(network.extract(images), levels, strict=True):
        covered = [side * level.stride for side in map_.shape[-2:]]
        assert covered == pytest.approx(list(images.shape[-2:]))


@pytest.mark.parametrize("scales", [(1.0, 0.75), (1.0, 2 / 3)])
@pytest.mark.parametrize("fusion", ["concat", "fpn"])
def test_answers_for_a_pixel_are_the_same_in_a_tile_at_any_scale(fusion, scales):
    network = built(small(fusion, head=DenseHead(), scales=scales)).eval()
    step = network.step
    image = torch.rand(1, 1, 12 * step, step)
    whole, part = network(image), network(image[:, :, 3 * step :])
    # Nothing sees further than this; a resized map ends at other weights there.
    torch.testing.assert_close(
        part[:, :, 4 * step :], whole[:, :, 7 * step :], atol=1e-5, rtol=1e-4
    )


def test_scales_whose_maps_hardly_meet_are_refused_for_pixels():
    with pytest.raises(
        ValueError, match=r"meet only every \d+ pixels.* simple fractions"
    ):
        recipe(head=DenseHead(), scales=(1.0, 0.97)).build()
