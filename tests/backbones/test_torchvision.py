"""The networks of torchvision: their levels, their maps, and what is refused."""

import functools

import numpy as np
import pytest
import torch
from torchvision import models

from skmultigran import Level, TorchvisionBackbone
from skmultigran.backbones import _torchvision

# The smallest member of each family, with the widths that its paper or code gives.
NETWORKS = {
    "convnext_tiny": {4: 96, 8: 192, 16: 384, 32: 768},
    "densenet121": {2: 64, 4: 256, 8: 512, 16: 1024, 32: 1024},
    "efficientnet_b0": {2: 16, 4: 24, 8: 40, 16: 112, 32: 1280},
    "mobilenet_v2": {2: 16, 4: 24, 8: 32, 16: 96, 32: 1280},
    "mobilenet_v3_small": {2: 16, 4: 16, 8: 24, 16: 48, 32: 576},
    "regnet_y_400mf": {2: 32, 4: 48, 8: 104, 16: 208, 32: 440},
    "resnet18": {2: 64, 4: 64, 8: 128, 16: 256, 32: 512},
    "shufflenet_v2_x0_5": {2: 24, 4: 24, 8: 48, 16: 96, 32: 1024},
}
each_network = pytest.mark.parametrize("name", NETWORKS)


def _seeded(build):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().eval()


@functools.cache
def _built(name, in_channels=3, out_indices=None):
    recipe = TorchvisionBackbone(name=name, out_indices=out_indices)
    return _seeded(lambda: recipe.build(in_channels, (64, 64)))


def _images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def _maps(module, images):
    with torch.no_grad():
        return module(images)


@each_network
def test_levels(name):
    levels = TorchvisionBackbone(name=name).levels(3, (224, 224))
    assert levels == tuple(Level(c, stride) for stride, c in NETWORKS[name].items())
    assert _built(name).levels == levels


@each_network
@pytest.mark.parametrize("in_channels", [1, 3, 5])
def test_maps_of_a_network_without_data(name, in_channels):
    with torch.device("meta"):
        module = TorchvisionBackbone(name=name).build(in_channels, (32, 32))
        maps = module(torch.empty(2, in_channels, 33, 65))
    assert all(parameter.is_meta for parameter in module.parameters())
    assert [tuple(m.shape[1:]) for m in maps] == [
        (channels, -(-33 // stride), -(-65 // stride))
        for stride, channels in NETWORKS[name].items()
    ]


@each_network
@pytest.mark.parametrize("size", [(64, 32), (33, 31), (7, 9), (1, 1)])
def test_maps_have_the_described_size(name, size):
    maps = _maps(_built(name), _images(2, 3, *size))
    assert [tuple(m.shape) for m in maps] == [
        (2, channels, -(-size[0] // stride), -(-size[1] // stride))
        for stride, channels in NETWORKS[name].items()
    ]
    assert all(torch.isfinite(m).all() for m in maps)


@each_network
def test_last_map_is_what_the_classifier_averages(name):
    network = _seeded(lambda: models.get_model(name, weights=None, num_classes=1))
    classifier = network.fc if hasattr(network, "fc") else network.classifier
    seen = []
    classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = _images(2, 3, 64, 64)
    with torch.no_grad():
        network(images)
    expected = seen[0].flatten(1)
    assert expected.abs().sum() > 0
    last = _maps(_built(name), images)[-1]
    torch.testing.assert_close(last.mean(dim=(2, 3)), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["densenet121", "mobilenet_v2", "resnet18"])
def test_each_level_alone_gives_the_same_map(name):
    # Behind a level alone nothing runs that could write to its map.
    images = _images(2, 3, 32, 64)
    for i, map_ in enumerate(_maps(_built(name), images)):
        alone = _built(name, out_indices=(i,))
        assert alone.levels == (_built(name).levels[i],)
        assert torch.equal(*_maps(alone, images), map_)


@pytest.mark.parametrize(
    ("out_indices", "strides"),
    [
        (None, [2, 4, 8, 16, 32]),
        ((0,), [2]),
        ([-1], [32]),
        ((1, -1), [4, 32]),
        ((-1, 0, 2), [2, 8, 32]),
        (np.array([3, -4]), [4, 16]),
    ],
)
def test_out_indices(out_indices, strides):
    recipe = TorchvisionBackbone(out_indices=out_indices)
    levels = recipe.levels(3, (64, 64))
    assert [level.stride for level in levels] == strides
    with torch.device("meta"):
        assert recipe.build(3, (64, 64)).levels == levels


def test_nothing_is_built_behind_the_last_level():
    module = _built("resnet18", out_indices=(1,))
    (map_,) = module(_images(2, 3, 32, 32))
    map_.square().sum().backward()
    assert all(p.grad is not None for p in module.parameters())


@each_network
@pytest.mark.parametrize("in_channels", [1, 5])
def test_only_the_first_convolution_is_new_for_other_channels(name, in_channels):
    recipe = TorchvisionBackbone(name=name)
    with torch.device("meta"):
        shapes, others = (
            {
                k: tuple(v.shape)
                for k, v in recipe.build(n, (32, 32)).state_dict().items()
            }
            for n in (3, in_channels)
        )
    assert shapes.keys() == others.keys()
    changed = [key for key in shapes if shapes[key] != others[key]]
    assert len(changed) == 1
    (out_channels, three, *kernel) = shapes[changed[0]]
    assert three == 3
    assert others[changed[0]] == (out_channels, in_channels, *kernel)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "resnet18"])
@pytest.mark.parametrize("in_channels", [1, 5])
def test_every_channel_is_read(name, in_channels):
    module = _built(name, in_channels)
    images = _images(2, in_channels, 32, 32).requires_grad_()
    (gradient,) = torch.autograd.grad(module(images)[0].square().sum(), images)
    assert (gradient.abs().sum(dim=(0, 2, 3)) > 0).all()


@pytest.mark.parametrize("name", ["convnext_tiny", "densenet121"])
def test_networks_that_round_down_see_repeated_borders(name):
    images = _images(1, 3, 33, 20)
    extended = np.pad(images.numpy(), ((0, 0), (0, 0), (0, 31), (0, 12)), mode="edge")
    module = _built(name)
    for map_, whole in zip(
        _maps(module, images), _maps(module, torch.from_numpy(extended)), strict=True
    ):
        expected = whole[..., : map_.shape[-2], : map_.shape[-1]]
        torch.testing.assert_close(map_, expected)


def test_networks_that_round_up_see_the_image_as_it_is():
    network = _seeded(lambda: models.resnet18(weights=None, num_classes=1))
    seen = []
    network.fc.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = _images(2, 3, 45, 7)
    with torch.no_grad():
        network(images)
    last = _maps(_built("resnet18"), images)[-1]
    torch.testing.assert_close(last.mean(dim=(2, 3)), seen[0], rtol=1e-4, atol=1e-7)


def test_same_seed_same_weights_whether_or_not_the_network_was_met_before():
    recipe = TorchvisionBackbone(name="mobilenet_v3_small", out_indices=(0, 1))
    _torchvision._plan.cache_clear()
    first = _seeded(lambda: recipe.build(3, (32, 32))).state_dict()
    second = _seeded(lambda: recipe.build(3, (32, 32))).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"name": "resnet19"}, "name='resnet19'.*Did you mean 'resnet1"),
        ({"name": "mobilnet_v2"}, "Did you mean 'mobilenet_v2'"),
        (
            {"name": "vit_b_16"},
            "name='vit_b_16'.*families convnext, densenet, efficientnet, mobilenet, "
            "regnet, resnet, shufflenet",
        ),
        ({"name": "swin_t"}, "name='swin_t'.*Choose one of the families"),
        ({"name": "vgg11"}, "name='vgg11'.*Choose one of the families"),
        ({"name": "googlenet"}, "name='googlenet'.*Choose one of the families"),
        ({"name": 18}, "'name' parameter of TorchvisionBackbone must be"),
        (
            {"weights": "IMAGENET1K_V9"},
            r"resnet18 got weights='IMAGENET1K_V9'.*\['DEFAULT', 'IMAGENET1K_V1'\]; "
            "else pass the path",
        ),
        ({"weights": 3}, "'weights' parameter of TorchvisionBackbone must be"),
        ({"out_indices": ()}, r"resnet18 got out_indices=\(\); it has 5 levels"),
        ({"out_indices": (5,)}, "distinct integers from -5 to 4"),
        ({"out_indices": (-6,)}, "distinct integers from -5 to 4"),
        ({"out_indices": (0, 0)}, "distinct integers"),
        ({"out_indices": (4, -1)}, "distinct integers"),
        ({"out_indices": (1.5,)}, "distinct integers"),
        ({"out_indices": 2}, "'out_indices' parameter of TorchvisionBackbone must be"),
    ],
)
def test_wrong_parameters(parameters, match):
    recipe = TorchvisionBackbone(**parameters)
    with pytest.raises(ValueError, match=match):
        recipe.levels(3, (32, 32))
    with pytest.raises(ValueError, match=match):
        recipe.build(3, (32, 32))
