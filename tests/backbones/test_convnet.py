"""The small residual pyramid: its automatic rules, its start, its errors."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from skmultigran import ConvNetBackbone, Level


def _built(recipe, image_size=(32, 32), in_channels=3, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return recipe.build(in_channels, image_size).eval()


def _images(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("image_size", "strides"),
    [
        ((1, 1), [1, 2, 4]),
        ((8, 8), [1, 2, 4]),
        ((16, 16), [1, 2, 4]),
        ((17, 17), [2, 4, 8]),
        ((28, 28), [2, 4, 8]),
        ((64, 64), [2, 4, 8]),
        ((65, 65), [2, 4, 8, 16]),
        ((96, 96), [2, 4, 8, 16]),
        ((97, 97), [4, 8, 16]),
        ((224, 224), [4, 8, 16, 32]),
        ((8, 224), [4, 8, 16, 32]),
        ((224, 8), [4, 8, 16, 32]),
    ],
)
def test_auto_depth_and_widths_of_the_pyramid(image_size, strides):
    levels = ConvNetBackbone().levels(3, image_size)
    assert [level.stride for level in levels] == strides
    narrow = [16, 32, 64, 128]
    widths = narrow if strides[0] == 1 else [2 * width for width in narrow]
    assert [level.channels for level in levels] == widths[: len(strides)]


@pytest.mark.parametrize("stem_stride", [1, 2, 3, 4])
@pytest.mark.parametrize("widths", [(4,), [4, 6], (4, 6, 5, 3)])
def test_given_widths_and_stem_stride(widths, stem_stride):
    recipe = ConvNetBackbone(widths=widths, stem_stride=stem_stride)
    assert recipe.levels(1, (224, 224)) == tuple(
        Level(width, stem_stride * 2**i) for i, width in enumerate(widths)
    )


def test_auto_widths_follow_a_given_stem_stride():
    # 32 pixels behind a stem of stride 4 leave 2 pixels at the third stage already.
    levels = ConvNetBackbone(stem_stride=4).levels(3, (32, 32))
    assert [level.stride for level in levels] == [4, 8, 16]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_depth_is_the_number_of_blocks_per_stage(depth):
    module = _built(ConvNetBackbone(widths=(4, 6, 8), depth=depth))
    kernels = [m.kernel_size for m in module.modules() if isinstance(m, nn.Conv2d)]
    stem, stages, convolutions_per_block = 1, 3, 2
    assert kernels.count((3, 3)) == stem + stages * depth * convolutions_per_block
    # Only the two blocks that widen and halve the map need one in their shortcut.
    assert kernels.count((1, 1)) == 2


def test_blocks_start_as_their_shortcut():
    module = _built(ConvNetBackbone(widths=(4, 6), depth=3))
    images = _images(2, 3, 9, 7)
    with torch.no_grad():
        torch.testing.assert_close(module(images)[0], module.stem(images))


def test_every_parameter_gets_a_gradient_after_the_first_step():
    # In the first one the residuals are still switched off by their zero norm.
    module = _built(ConvNetBackbone(widths=(4, 6), depth=2)).train()
    images = _images(4, 3, 12, 12)
    targets = [torch.randn(m.shape) for m in module(images)]
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        maps = module(images)
        sum((m * t).sum() for m, t in zip(maps, targets, strict=True)).backward()
        optimiser.step()
    silent = [n for n, p in module.named_parameters() if not p.grad.abs().sum() > 0]
    assert silent == []


_NARROW_NETWORK = """
import torch
from skmultigran import ConvNetBackbone
torch.set_num_threads(1)
layout = {"memory_format": torch.channels_last}
network = ConvNetBackbone(widths=(4, 8, 12), stem_stride=1).build(1, (96, 96))
network = network.train().to(**layout)
for _ in range(4):
    maps = network(torch.randn(16, 1, 96, 96).to(**layout))
    sum(map_.square().mean() for map_ in maps).backward()
"""


def test_narrow_networks_do_not_end_the_process():
    # A gradient of torch wrote beyond its memory: no exception, but a crash.
    result = subprocess.run(
        [sys.executable, "-c", _NARROW_NETWORK], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_a_shortcut_of_few_channels_is_a_strided_convolution():
    shortcut = _built(ConvNetBackbone(widths=(4, 6))).stages[1][0].shortcut
    map_ = _images(2, 4, 9, 7)
    weight = next(m for m in shortcut if isinstance(m, nn.Conv2d)).weight
    expected = nn.functional.conv2d(map_, weight, stride=2)
    with torch.no_grad():
        # Norms as they begin change nothing but the last bits.
        torch.testing.assert_close(shortcut(map_), expected, atol=1e-4, rtol=1e-4)


def test_maps_move_with_the_image():
    # Convolutions without bias leave black at zero, so the borders play no part.
    module = _built(ConvNetBackbone(widths=(4, 6, 8), stem_stride=1))
    images = torch.zeros(1, 3, 64, 64)
    images[..., 20:28, 24:32] = _images(1, 3, 8, 8)
    moved = images.roll((4, 8), dims=(2, 3))
    with torch.no_grad():
        for map_, other, level in zip(
            module(images), module(moved), module.levels, strict=True
        ):
            shift = (4 // level.stride, 8 // level.stride)
            assert map_.abs().sum() > 0
            torch.testing.assert_close(map_.roll(shift, dims=(2, 3)), other)


@pytest.mark.parametrize("in_channels", [1, 3, 5])
def test_one_pixel(in_channels):
    module = _built(ConvNetBackbone(), image_size=(1, 1), in_channels=in_channels)
    with torch.no_grad():
        maps = module(_images(3, in_channels, 1, 1))
    assert [tuple(m.shape) for m in maps] == [
        (3, 16, 1, 1),
        (3, 32, 1, 1),
        (3, 64, 1, 1),
    ]


def test_random_state_decides_the_weights():
    recipe = ConvNetBackbone(widths=(4,))
    first, same, other = (
        _built(recipe, seed=seed).stem[0].weight for seed in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"widths": ()}, r"ConvNetBackbone got widths=\(\)"),
        ({"widths": (8, 0)}, r"ConvNetBackbone got widths=\(8, 0\).*positive integers"),
        ({"widths": (8, 2.5)}, r"one per stage, such as \(32, 64, 128\)"),
        ({"widths": ("a",)}, "sequence of positive integers"),
        ({"widths": "all"}, "'widths' parameter of ConvNetBackbone must be"),
        ({"widths": 8}, "'widths' parameter of ConvNetBackbone must be"),
        ({"depth": 0}, "'depth' parameter of ConvNetBackbone must be"),
        ({"depth": 1.5}, "'depth' parameter of ConvNetBackbone must be"),
        ({"stem_stride": 0}, "'stem_stride' parameter of ConvNetBackbone must be"),
        ({"stem_stride": "half"}, "'stem_stride' parameter of ConvNetBackbone must be"),
    ],
)
def test_wrong_parameters(parameters, match):
    recipe = ConvNetBackbone(**parameters)
    with pytest.raises(ValueError, match=match):
        recipe.build(3, (32, 32))
    with pytest.raises(ValueError, match=match):
        recipe.levels(3, (32, 32))


@pytest.mark.parametrize(
    ("out_indices", "stages"),
    [((-1,), [2]), ((0,), [0]), ((1, 0), [0, 1]), (None, None)],
)
def test_out_indices_choose_levels(out_indices, stages):
    whole = _built(ConvNetBackbone(widths=(4, 6, 8)))
    some = _built(ConvNetBackbone(widths=(4, 6, 8), out_indices=out_indices))
    stages = [0, 1, 2] if stages is None else stages
    assert list(some.levels) == [whole.levels[i] for i in stages]
    assert len(some.stages) == max(stages) + 1
    some.load_state_dict(whole.state_dict(), strict=False)
    images = _images(2, 3, 9, 9)
    maps = whole.eval()(images)
    for found, stage in zip(some.eval()(images), stages, strict=True):
        assert torch.equal(found, maps[stage])


@pytest.mark.parametrize("out_indices", [(), (3,), (0, 0), (0.5,)])
def test_out_indices_that_do_not_exist(out_indices):
    recipe = ConvNetBackbone(widths=(4, 6, 8), out_indices=out_indices)
    with pytest.raises(ValueError, match="it has 3 levels.*from -3 to 2"):
        recipe.build(1, (8, 8))


@pytest.mark.parametrize("zero", [True, False])
def test_blocks_may_begin_as_their_shortcut(zero):
    recipe = ConvNetBackbone(widths=(6, 8), stem_stride=1, zero_init_residual=zero)
    backbone = recipe.build(1, (16, 16)).eval()
    image = torch.rand(1, 1, 16, 16)
    stem = backbone.stem(image)
    assert torch.equal(backbone(image)[0], stem) is zero
