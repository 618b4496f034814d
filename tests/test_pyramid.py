"""The backbone looks at the image at every scale as if it were alone."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from skmultigran import ConvNetBackbone, Level
from skmultigran._pyramid import ImagePyramid, rescale
from skmultigran.backbones import Backbone


class Identity(Backbone):
    """The image and its strided samples, as a backbone."""

    def __init__(self, strides=(1, 2)):
        super().__init__()
        self.strides = strides
        self.levels = tuple(Level(i + 1, s) for i, s in enumerate(strides))

    def forward(self, images):
        return [
            images[:, :1, ::stride, ::stride].expand(-1, index + 1, -1, -1)
            for index, stride in enumerate(self.strides)
        ]


def convnet(in_channels=1):
    torch.manual_seed(0)
    recipe = ConvNetBackbone(widths=(4, 6, 8), stem_stride=1)
    return recipe.build(in_channels, (16, 16)).eval()


def pillow_resized(image, size):
    pillow = Image.fromarray(image.numpy())
    return torch.from_numpy(
        np.array(pillow.resize((size[1], size[0]), Image.Resampling.BILINEAR))
    )


SIZES = [(1, 1), (1, 9), (7, 5), (15, 16), (33, 20), (100, 3)]


@pytest.mark.parametrize("scale", [0.5, 0.55, 0.75, 1.5])
def test_features_of_a_scale_are_those_of_the_resized_image_alone(scale):
    images = torch.rand(2, 1, 20, 31)
    backbone = convnet()
    pyramid = ImagePyramid(backbone, (1.0, scale))
    found = dict(zip(pyramid.granularities, pyramid(images), strict=True))
    size = [math.ceil(round(scale * pixels, 6)) for pixels in (20, 31)]
    alone = torch.stack([pillow_resized(image[0], size)[None] for image in images])
    for position, expected in enumerate(backbone(alone)):
        map_ = found[f"s{scale:.2f}_l{position}"]
        torch.testing.assert_close(map_, expected, atol=1e-5, rtol=1e-4)
    for position, expected in enumerate(backbone(images)):
        assert torch.equal(found[f"s1.00_l{position}"], expected)


def test_names_strides_and_channels_are_sorted_from_fine_to_coarse():
    pyramid = ImagePyramid(Identity((1, 2, 4)), (0.5, 1.0, 1.5))
    names = "s1.50_l0 s1.00_l0 s1.50_l1 s1.00_l1 s0.50_l0"
    names += " s1.50_l2 s1.00_l2 s0.50_l1 s0.50_l2"
    assert pyramid.granularities == tuple(names.split())
    strides = [1 / 1.5, 1, 2 / 1.5, 2, 2, 4 / 1.5, 4, 4, 8]
    assert [level.stride for level in pyramid.levels] == pytest.approx(strides)
    assert [level.channels for level in pyramid.levels] == [1, 1, 2, 2, 1, 3, 3, 2, 3]


def test_order_of_the_scales_as_given_does_not_matter():
    images = torch.rand(1, 1, 12, 9)
    first, second = (ImagePyramid(Identity(), s) for s in [(1, 0.5, 2), (2, 1, 0.5)])
    assert first.granularities == second.granularities
    assert first.levels == second.levels
    assert all(map(torch.equal, first(images), second(images)))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scales", [(1.0,), (0.5,), (0.55, 1.5), (1.0, 0.33, 0.7)])
def test_maps_measure_what_the_levels_say(size, scales):
    for backbone in (Identity((1, 2, 4)), convnet()):
        pyramid = ImagePyramid(backbone, scales)
        maps = pyramid(torch.rand(2, 1, *size))
        assert [tuple(m.shape[1:]) for m in maps] == [
            (level.channels, *level.map_size(size)) for level in pyramid.levels
        ]


@pytest.mark.parametrize("scale", [0.3, 0.5, 0.55])
def test_checkerboard_at_the_nyquist_limit_is_gone(scale):
    board = (torch.arange(32)[:, None] + torch.arange(32)) % 2
    inner = rescale(board.float()[None, None], scale)[..., 1:-1, 1:-1]
    assert (inner - 0.5).abs().max() < 0.1
    if scale == 0.5:
        torch.testing.assert_close(inner, torch.full_like(inner, 0.5))


def test_scale_one_is_the_same_tensor():
    images = torch.rand(1, 1, 5, 5)
    assert rescale(images, 1.0) is images


def test_weights_are_shared_between_scales():
    backbone = convnet()
    pyramid = ImagePyramid(backbone, (1.0, 0.5, 2.0))
    assert list(map(id, pyramid.parameters())) == list(map(id, backbone.parameters()))


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5), (2.0, 1.0, 0.5)])
def test_norms_keep_statistics_of_each_scale(scales):
    """With the statistics of one batch, prediction on it equals training on it."""
    images = torch.rand(64, 1, 16, 16)
    images[:, :, ::2] *= 0.1  # stripes, which vanish at half the size
    pyramid = ImagePyramid(convnet(), scales).train()
    for module in pyramid.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    trained = pyramid(images)
    for seen, predicted in zip(trained, pyramid.eval()(images), strict=True):
        torch.testing.assert_close(predicted, seen, rtol=0.01, atol=0.02)


def test_without_norms_all_scales_use_the_same_module():
    pyramid = ImagePyramid(Identity((1, 2)), (1.0, 0.5))
    assert pyramid.backbones[0] is pyramid.backbones[1]


def test_gradients_of_all_scales_add_up():
    images, backbone = torch.rand(2, 1, 16, 16), convnet()
    weight = next(backbone.parameters())

    def gradient(scales):
        total = sum(map_.sum() for map_ in ImagePyramid(backbone, scales)(images))
        return torch.autograd.grad(total, weight)[0]

    torch.testing.assert_close(
        gradient((1.0, 0.5)), gradient((1.0,)) + gradient((0.5,)), rtol=1e-3, atol=1e-3
    )
