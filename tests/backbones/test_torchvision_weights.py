"""The networks of torchvision with weights that were learned elsewhere."""

import functools
import re
from urllib.error import URLError

import pytest
import torch
from sklearn.base import clone
from torchvision import models

from skmultigran import TorchvisionBackbone

# Where each network's maps of strides 2, 4, ... are found in torchvision's module.
CUTS = {
    "resnet18": ["relu", "layer1", "layer2", "layer3", "layer4"],
    "mobilenet_v3_small": [f"features.{i}" for i in (0, 1, 3, 8, 12)],
    "convnext_tiny": [f"features.{i}" for i in (1, 3, 5, 7)],
    "densenet121": ["features.relu0"],
}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def _maps(module, images):
    with torch.no_grad():
        return module.eval()(images)


@functools.cache
def _network(name):
    network = models.get_model(name, weights=None, num_classes=7)
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        parameter.data += 0.02 * torch.rand(parameter.shape, generator=generator)
    for key, buffer in network.named_buffers():
        if "running" in key:
            buffer += 0.1 * torch.rand(buffer.shape, generator=generator)
    return network.eval()


@pytest.fixture
def saved(tmp_path):
    def save(name, state=None):
        path = tmp_path / f"{name}.pth"
        torch.save(_network(name).state_dict() if state is None else state, path)
        return path

    return save


def _maps_of_whole_network(name, images):
    network, seen = _network(name), []
    handles = [
        network.get_submodule(cut).register_forward_hook(
            # A copy: what follows may write to the map.
            lambda module, args, output: seen.append(output.clone())
        )
        for cut in CUTS[name]
    ]
    with torch.no_grad():
        network(images)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("name", CUTS)
def test_maps_are_those_of_the_whole_network(name, saved):
    images = _images(2, 3, 64, 32)
    recipe = TorchvisionBackbone(name=name, weights=saved(name))
    if name == "densenet121":
        recipe.set_params(out_indices=(0,))
    maps = _maps(recipe.build(3, (64, 32)), images)
    expected = _maps_of_whole_network(name, images)
    assert len(maps) == len(expected)
    for map_, other in zip(maps, expected, strict=True):
        torch.testing.assert_close(map_, other)


def test_densenet_takes_the_names_of_published_files(saved):
    state = {
        re.sub(r"(denselayer.*\.)(norm|conv)([12])\.", r"\1\2.\3.", key): value
        for key, value in _network("densenet121").state_dict().items()
    }
    assert any("denselayer1.norm.1.weight" in key for key in state)
    recipe = TorchvisionBackbone(name="densenet121", weights=saved("densenet121"))
    expected = recipe.build(3, (32, 32)).state_dict()
    recipe.set_params(weights=saved("densenet121", state))
    actual = recipe.build(3, (32, 32)).state_dict()
    assert all(torch.equal(actual[key], expected[key]) for key in expected)


def _named_weights(monkeypatch, name, entry):
    """Serve the random network as what torchvision would download; count how often."""
    asked = []

    def get_state_dict(self, **kwargs):
        assert self is models.get_model_weights(name)[entry]
        assert kwargs["weights_only"]
        assert kwargs["check_hash"]
        asked.append(self)
        return _network(name).state_dict()

    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", get_state_dict)
    return asked


def test_named_weights_are_those_that_torchvision_serves(monkeypatch, saved):
    asked = _named_weights(monkeypatch, "resnet18", "IMAGENET1K_V1")
    named = TorchvisionBackbone(weights="IMAGENET1K_V1").build(3, (32, 32))
    from_file = TorchvisionBackbone(weights=saved("resnet18")).build(3, (32, 32))
    assert len(asked) == 1
    for key, value in from_file.state_dict().items():
        assert torch.equal(named.state_dict()[key], value)


@pytest.mark.parametrize("in_channels", [1, 3, 4])
def test_description_and_skeleton_need_no_weights(in_channels):
    # Neither the file nor, in tests, the network is there.
    for weights in ("DEFAULT", "nowhere/resnet18.pth"):
        recipe = TorchvisionBackbone(weights=weights)
        assert recipe.pretrained
        mean, std = recipe.normalisation(in_channels, (32, 32))
        assert len(mean) == len(std) == in_channels
        skeleton = recipe.skeleton(in_channels, (32, 32))
        assert skeleton.levels == recipe.levels(in_channels, (32, 32))
        assert skeleton.normalisation == (mean, std)
        with torch.device("meta"):
            module = recipe.build(in_channels, (32, 32))
        assert all(parameter.is_meta for parameter in module.parameters())


def test_normalisation_is_that_of_the_weights(saved):
    assert TorchvisionBackbone().normalisation(3, (32, 32)) is None
    assert not TorchvisionBackbone().pretrained
    for weights in ("DEFAULT", saved("resnet18")):
        recipe = TorchvisionBackbone(weights=weights)
        assert recipe.normalisation(3, (32, 32)) == IMAGENET
        mean, std = recipe.normalisation(1, (32, 32))
        assert mean == pytest.approx((0.449,))
        assert std == pytest.approx((0.226,))


def test_skeleton_takes_the_state_of_a_built_backbone(saved):
    recipe = TorchvisionBackbone(weights=saved("resnet18"))
    built = recipe.build(5, (32, 32))
    recipe.weights.unlink()
    rebuilt = recipe.skeleton(5, (32, 32))
    rebuilt.load_state_dict(built.state_dict())
    images = _images(2, 5, 32, 32)
    for map_, other in zip(_maps(built, images), _maps(rebuilt, images), strict=True):
        assert torch.equal(map_, other)


def test_grey_images_are_read_as_the_same_grey_in_three_channels(saved):
    path, grey = saved("resnet18"), _images(2, 1, 33, 47)
    recipe = TorchvisionBackbone(weights=path)
    one = _maps(recipe.build(1, (32, 32)), grey)
    three = _maps(recipe.build(3, (32, 32)), grey.repeat(1, 3, 1, 1))
    for map_, other in zip(one, three, strict=True):
        torch.testing.assert_close(map_, other, rtol=1e-4, atol=1e-4)


def test_kernels_of_more_channels_are_repeated_and_scaled(saved):
    path = saved("resnet18")
    learned = _network("resnet18").conv1.weight
    state = TorchvisionBackbone(weights=path).build(5, (32, 32)).state_dict()
    kernel = state["stages.0.0.weight"]
    assert kernel.shape == (64, 5, 7, 7)
    for channel in range(5):
        torch.testing.assert_close(kernel[:, channel], learned[:, channel % 3] * 3 / 5)


def test_levels_that_are_not_wanted_need_no_weights(saved):
    state = _network("resnet18").state_dict()
    half = {key: v for key, v in state.items() if not key.startswith(("layer3", "fc"))}
    path = saved("resnet18", half)
    recipe = TorchvisionBackbone(weights=path, out_indices=(1, 2))
    images = _images(1, 3, 32, 32)
    expected = _maps_of_whole_network("resnet18", images)[1:3]
    for map_, other in zip(
        _maps(recipe.build(3, (32, 32)), images), expected, strict=True
    ):
        torch.testing.assert_close(map_, other)
    with pytest.raises(
        ValueError, match=r"resnet18 cannot use .*lacks 25 of .*'layer3\.0\.conv1"
    ):
        TorchvisionBackbone(weights=path).build(3, (32, 32))


def test_weights_of_another_width_are_refused(saved):
    state = _network("resnet18").state_dict()
    state["layer2.0.conv1.weight"] = torch.zeros(96, 64, 3, 3)
    with pytest.raises(
        ValueError,
        match=r"1 of its weights .*'layer2.0.conv1.weight' of shape "
        r"\(96, 64, 3, 3\); it must have \(128, 64, 3, 3\)",
    ):
        TorchvisionBackbone(weights=saved("resnet18", state)).build(3, (32, 32))


def test_failed_download_names_the_weights_and_the_ways_out(monkeypatch):
    def get_state_dict(self, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", get_state_dict)
    with pytest.raises(
        OSError,
        match="TorchvisionBackbone resnet18 could not get weights='DEFAULT'.*URLError.*"
        "pass its path.*backbone='efficientnet_lite0'.*skmultigran.pretrained.",
    ) as raised:
        TorchvisionBackbone(weights="DEFAULT").build(3, (32, 32))
    assert isinstance(raised.value.__cause__, URLError)


def test_missing_file_is_told_in_build_and_the_recipe_survives_clone(tmp_path):
    recipe = clone(TorchvisionBackbone(weights=tmp_path / "lost.pth"))
    with pytest.raises(FileNotFoundError, match=r"got weights='.*lost.pth', but there"):
        recipe.build(3, (32, 32))
