"""Columns of convolutions: what each of them sees, and what is refused."""

import pytest
import torch
from torch import nn

from skmultigran import Level, MultiColumnBackbone
from skmultigran.backbones._multicolumn import receptive_field


def _built(recipe, image_size=(32, 32), in_channels=1):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return recipe.build(in_channels, image_size).eval()


def _images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def _seen(module, level, side):
    """Return height and width of what the centre of a level's map depends on."""
    # Each image opens other paths through max poolings and ReLUs.
    images = _images(8, 1, side, side).requires_grad_()
    map_ = module(images)[level]
    centre = map_.shape[-1] // 2
    (gradient,) = torch.autograd.grad(map_[..., centre, centre].sum(), images)
    touched = gradient.abs().sum(dim=(0, 1)) > 0
    rows, columns = touched.any(dim=1).nonzero(), touched.any(dim=0).nonzero()
    border = [touched[0], touched[-1], touched[:, 0], touched[:, -1]]
    assert not torch.cat(border).any(), "the image is too small to tell"
    return int(rows.max() - rows.min() + 1), int(columns.max() - columns.min() + 1)


@pytest.mark.parametrize(
    ("stride", "fields"), [(1, [11, 19, 27]), (2, [18, 32, 46]), (4, [28, 50, 72])]
)
def test_columns_see_what_the_formula_says(stride, fields):
    module = _built(MultiColumnBackbone(stride=stride))
    seen = [_seen(module, level, side=fields[-1] + 16) for level in range(3)]
    assert seen == [(field, field) for field in fields]
    assert module.receptive_fields == tuple(fields)


def test_own_columns_see_what_the_formula_says():
    recipe = MultiColumnBackbone(
        kernel_sizes=((1, 1), (1, 3), (3, 1, 1), (5, 3)),
        widths=((4, 4), (4, 4), (4, 4, 4), (4, 4)),
        stride=2,
    )
    with pytest.raises(
        ValueError, match=r"fields \[2, 6, 4, 10\] pixels; they must grow"
    ):
        recipe.build(1, (32, 32))
    recipe.set_params(kernel_sizes=((1, 1), (3, 1), (1, 3, 1), (5, 3)))
    module = _built(recipe)
    assert [_seen(module, level, 24) for level in range(4)] == [
        (field, field) for field in module.receptive_fields
    ]


@pytest.mark.parametrize(
    ("kernel_sizes", "stride", "field"),
    [
        ((1,), 1, 1),
        ((3,), 1, 3),
        ((3, 3), 1, 5),
        ((3,), 2, 4),
        ((3, 3), 2, 8),
        ((1, 1), 4, 4),
        ((9, 7, 7, 7), 4, 72),
    ],
)
def test_receptive_field_known_answers(kernel_sizes, stride, field):
    assert receptive_field(kernel_sizes, stride) == field


@pytest.mark.parametrize(
    ("image_size", "stride"),
    [
        ((1, 1), 1),
        ((8, 8), 1),
        ((15, 15), 1),
        ((16, 16), 2),
        ((28, 28), 2),
        ((32, 32), 4),
        ((4, 32), 4),
        ((32, 4), 4),
        ((512, 512), 4),
    ],
)
def test_auto_stride_leaves_eight_pixels(image_size, stride):
    levels = MultiColumnBackbone().levels(3, image_size)
    assert levels == (Level(48, stride), Level(40, stride), Level(32, stride))


def test_default_kernels_and_first_widths_are_those_of_the_paper():
    module = _built(MultiColumnBackbone(), in_channels=3)
    columns = [
        [
            (layer.kernel_size[0], layer.out_channels)
            for layer in column
            if isinstance(layer, nn.Conv2d)
        ][:2]
        for column in module.columns
    ]
    assert columns == [
        [(5, 24), (3, 48)],
        [(7, 20), (5, 40)],
        [(9, 16), (7, 32)],
    ]


def test_columns_do_not_touch_each_other():
    module = _built(MultiColumnBackbone()).train()
    maps = module(_images(2, 1, 32, 32))
    (maps[1] * torch.randn(maps[1].shape)).sum().backward()
    with_gradient = [
        all(p.grad is not None and p.grad.abs().sum() > 0 for p in column.parameters())
        for column in module.columns
    ]
    assert with_gradient == [False, True, False]
    assert all(p.grad is None for i in (0, 2) for p in module.columns[i].parameters())


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        (
            {"kernel_sizes": ((3,), (5,)), "widths": ((4,), (4,))},
            "at least three columns",
        ),
        ({"kernel_sizes": (), "widths": ()}, "at least three columns"),
        (
            {"kernel_sizes": ((3,), (5,), (7,)), "widths": ((4,),) * 3, "stride": 4},
            "at least 2 convolutions each for stride 4",
        ),
        (
            {"kernel_sizes": ((), (5,), (7,)), "widths": ((), (4,), (4,)), "stride": 1},
            "at least 1 convolutions",
        ),
        (
            {"kernel_sizes": ((3,), (3,), (7,)), "widths": ((4,),) * 3, "stride": 1},
            r"receptive fields \[3, 3, 7\] pixels; they must grow",
        ),
        (
            {"kernel_sizes": ((7,), (5,), (3,)), "widths": ((4,),) * 3, "stride": 1},
            r"receptive fields \[7, 5, 3\] .*Change the kernel sizes or the order",
        ),
        ({"kernel_sizes": ((2,), (4,), (6,))}, "odd positive integers per column"),
        ({"kernel_sizes": (3, 5, 7)}, "odd positive integers per column"),
        ({"kernel_sizes": ((3.0,), (5,), (7,))}, "odd positive integers per column"),
        ({"widths": ((0,), (4,), (4,))}, "positive integers per column"),
        ({"widths": (8, 8, 8)}, r"widths=\(8, 8, 8\).*positive integers per column"),
        ({"widths": ((8, 8), (8, 8), (8, 8))}, "one number per convolution of each"),
        ({"kernel_sizes": 3}, "'kernel_sizes' parameter of MultiColumnBackbone must"),
        ({"widths": None}, "'widths' parameter of MultiColumnBackbone must be"),
        ({"stride": 3}, "'stride' parameter of MultiColumnBackbone must be"),
        ({"stride": "large"}, "'stride' parameter of MultiColumnBackbone must be"),
    ],
)
def test_wrong_parameters(parameters, match):
    recipe = MultiColumnBackbone(**parameters)
    with pytest.raises(ValueError, match=match):
        recipe.build(3, (32, 32))
