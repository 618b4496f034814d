"""The networks of timm: their levels, their maps, their weights, what is refused."""

import functools
import sys

import pytest
import torch
from sklearn.base import clone

from skmultigran import Level, TimmBackbone

timm = pytest.importorskip("timm")

# Channels and strides as timm lists them, and what follows before the average.
NETWORKS = {
    "convnext_atto": [(40, 4), (80, 8), (160, 16), (320, 32)],
    "densenet121": [(64, 2), (256, 4), (512, 8), (1024, 16), (1024, 32)],
    "efficientnet_b0": [(16, 2), (24, 4), (40, 8), (112, 16), (320, 32), (1280, 32)],
    "mobilenetv3_small_050": [(16, 2), (8, 4), (16, 8), (24, 16), (288, 32)],
    "regnety_002": [(32, 2), (24, 4), (56, 8), (152, 16), (368, 32)],
    "resnet18": [(64, 2), (64, 4), (128, 8), (256, 16), (512, 32)],
    "resnet10t": [(64, 2), (64, 4), (128, 8), (256, 16), (512, 32)],
    "tf_efficientnet_lite0": [
        (16, 2),
        (24, 4),
        (40, 8),
        (112, 16),
        (320, 32),
        (1280, 32),
    ],
}
each_network = pytest.mark.parametrize("name", NETWORKS)


def _images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def _maps(module, images):
    with torch.no_grad():
        return module.eval()(images)


@functools.cache
def _network(name, in_chans=3):
    network = timm.create_model(name, num_classes=7, in_chans=in_chans)
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        parameter.data += 0.02 * torch.rand(parameter.shape, generator=generator)
    for key, buffer in network.named_buffers():
        if "running" in key:
            buffer += 0.1 * torch.rand(buffer.shape, generator=generator)
    return network.eval()


@pytest.fixture
def saved(tmp_path):
    def save(name):
        path = tmp_path / f"{name}.pth"
        torch.save(_network(name).state_dict(), path)
        return path

    return save


@each_network
def test_levels(name):
    levels = TimmBackbone(name=name).levels(3, (64, 64))
    assert levels == tuple(Level(*level) for level in NETWORKS[name])


@each_network
@pytest.mark.parametrize("size", [(64, 32), (33, 31), (7, 9), (1, 1)])
def test_maps_have_the_described_size(name, size):
    with torch.device("meta"):
        backbone = TimmBackbone(name=name).build(3, size).eval()
        maps = backbone(torch.empty(2, 3, *size))
    assert [tuple(m.shape) for m in maps] == [
        (2, channels, -(-size[0] // stride), -(-size[1] // stride))
        for channels, stride in NETWORKS[name]
    ]


@each_network
def test_maps_are_those_of_the_whole_network(name, saved):
    images, network = _images(2, 3, 64, 32), _network(name)
    maps = _maps(
        TimmBackbone(name=name, weights=saved(name)).build(3, (64, 32)), images
    )
    with torch.no_grad():
        last = network.forward_features(images)
        levels = network.forward_intermediates(images, intermediates_only=True)
    torch.testing.assert_close(maps[-1], last)
    n_levels = len(network.feature_info)
    # DenseNet and ConvNeXt put their last norm behind what timm lists as last.
    for map_, expected in zip(maps[: n_levels - 1], levels, strict=False):
        torch.testing.assert_close(map_, expected)
    if len(maps) > n_levels:
        torch.testing.assert_close(maps[n_levels - 1], levels[-1])


@pytest.mark.parametrize("name", ["efficientnet_b0", "resnet18", "regnety_002"])
def test_last_map_is_what_the_classifier_averages(name, saved):
    images, network = _images(2, 3, 64, 64), _network(name)
    backbone = TimmBackbone(name=name, weights=saved(name), out_indices=(-1,))
    (last,) = _maps(backbone.build(3, (64, 64)), images)
    with torch.no_grad():
        expected = network.forward_head(
            network.forward_features(images), pre_logits=True
        )
    torch.testing.assert_close(last.mean(dim=(2, 3)), expected)


@pytest.mark.parametrize("name", ["efficientnet_b0", "densenet121"])
def test_each_level_alone_gives_the_same_map(name, saved):
    images, path = _images(1, 3, 32, 64), saved(name)
    whole = _maps(TimmBackbone(name=name, weights=path).build(3, (32, 64)), images)
    for i, map_ in enumerate(whole):
        recipe = TimmBackbone(name=name, weights=path, out_indices=(i,))
        assert torch.equal(*_maps(recipe.build(3, (32, 64)), images), map_)


def test_nothing_is_built_behind_the_last_level():
    module = TimmBackbone(out_indices=(1,)).build(3, (32, 32))
    (map_,) = module(_images(2, 3, 32, 32))
    map_.square().sum().backward()
    assert all(p.grad is not None for p in module.parameters())


@pytest.mark.parametrize("in_channels", [1, 2, 4, 7])
def test_kernels_are_adapted_as_timm_adapts_them(in_channels, saved):
    path, images = saved("resnet18"), _images(2, in_channels, 32, 32)
    recipe = TimmBackbone(name="resnet18", weights=path)
    expected = timm.create_model(
        "resnet18",
        num_classes=7,
        in_chans=in_channels,
        pretrained=True,
        pretrained_cfg_overlay={
            "state_dict": _network("resnet18").state_dict(),
            "num_classes": 7,
        },
    ).eval()
    with torch.no_grad():
        last = expected.forward_features(images)
    maps = _maps(recipe.build(in_channels, (32, 32)), images)
    torch.testing.assert_close(maps[-1], last, rtol=1e-4, atol=1e-5)


def _stub_hub(monkeypatch):
    """Serve the random network as what timm would download."""
    asked, create = [], timm.create_model

    def create_model(name, pretrained=False, **kwargs):
        if pretrained:
            asked.append(name)
            return _network(name.partition(".")[0])
        return create(name, **kwargs)

    monkeypatch.setattr(timm, "create_model", create_model)
    return asked


@pytest.mark.parametrize(
    ("weights", "asked_for"),
    [("DEFAULT", "resnet18"), ("tv_in1k", "resnet18.tv_in1k")],
)
def test_named_weights_are_those_that_timm_serves(
    monkeypatch, saved, weights, asked_for
):
    asked = _stub_hub(monkeypatch)
    recipe = TimmBackbone(name="resnet18", weights=weights)
    named = recipe.build(3, (32, 32)).state_dict()
    assert asked == [asked_for]
    recipe.set_params(weights=saved("resnet18"))
    from_file = recipe.build(3, (32, 32)).state_dict()
    assert all(torch.equal(named[key], from_file[key]) for key in from_file)


def test_description_and_skeleton_need_no_weights():
    for weights in ("DEFAULT", "in1k", "nowhere/lite.safetensors"):
        recipe = TimmBackbone(name="tf_efficientnet_lite0", weights=weights)
        assert recipe.pretrained
        assert recipe.normalisation(3, (32, 32)) == ((0.5,) * 3, (0.5,) * 3)
        assert recipe.skeleton(1, (32, 32)).normalisation == ((0.5,), (0.5,))
        assert recipe.levels(3, (32, 32))
        with torch.device("meta"):
            recipe.build(3, (32, 32))
    assert TimmBackbone().normalisation(3, (32, 32)) is None
    assert not TimmBackbone().pretrained


def test_normalisation_is_that_of_the_tag():
    of_tag = TimmBackbone(name="convnext_base", weights="clip_laion2b_augreg_ft_in1k")
    mean, std = of_tag.normalisation(3, (32, 32))
    assert mean == pytest.approx((0.4815, 0.4578, 0.4082), abs=1e-4)
    assert std == pytest.approx((0.2686, 0.2613, 0.2758), abs=1e-4)


def test_failed_download_names_the_weights_and_the_ways_out(monkeypatch):
    create = timm.create_model

    def create_model(name, pretrained=False, **kwargs):
        if pretrained:
            raise ConnectionResetError("the hub hung up")
        return create(name, **kwargs)

    monkeypatch.setattr(timm, "create_model", create_model)
    with pytest.raises(
        OSError,
        match="TimmBackbone resnet18 could not get weights='a1_in1k'.*hub hung up.*"
        "pass its path.*backbone='efficientnet_lite0'",
    ):
        TimmBackbone(name="resnet18", weights="a1_in1k").build(3, (32, 32))


def test_weights_of_another_network_are_refused(saved):
    recipe = TimmBackbone(name="resnet10t", weights=saved("resnet18"))
    with pytest.raises(
        ValueError, match=r"TimmBackbone resnet10t cannot use .*'conv1\.0\.weight'"
    ):
        recipe.build(3, (32, 32))


def test_without_timm_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        ImportError,
        match=r"TimmBackbone efficientnet_b0 needs the package 'timm'.*"
        r"pip install 'skmultigran\[pretrained\]'",
    ):
        TimmBackbone().levels(3, (32, 32))


def test_parts():
    assert len(TimmBackbone().build(3, (32, 32)).parts()) == 6


def test_recipe_survives_clone(tmp_path):
    recipe = TimmBackbone(weights=tmp_path / "w.pth", out_indices=(0, 1))
    assert repr(clone(recipe)) == repr(recipe)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"name": "resnt18"}, "name='resnt18', which timm does not have.*'resnet18'"),
        (
            {"name": "resnet18.a1_in1k"},
            "mean 'resnet18'. Pass the tag as weights='a1_in1k'",
        ),
        ({"name": "vit_tiny_patch16_224"}, "without a pyramid of maps"),
        ({"name": "hrnet_w18_small"}, "something happens between steps, before stage2"),
        ({"name": "swin_tiny_patch4_window7_224"}, "without a pyramid of maps"),
        ({"name": "inception_v4"}, "no step ends the level features"),
        ({"name": 18}, "'name' parameter of TimmBackbone must be"),
        (
            {"name": "tf_efficientnet_lite0", "weights": "in22k"},
            r"weights='in22k', which timm does not have. It has \['DEFAULT', 'in1k'\]",
        ),
        ({"weights": True}, "'weights' parameter of TimmBackbone must be"),
        ({"out_indices": (6,)}, "efficientnet_b0 got out_indices=.*it has 6 levels"),
    ],
)
def test_wrong_parameters(parameters, match):
    recipe = TimmBackbone(**parameters)
    with pytest.raises(ValueError, match=match):
        recipe.levels(3, (32, 32))
    with pytest.raises(ValueError, match=match):
        recipe.build(3, (32, 32))
