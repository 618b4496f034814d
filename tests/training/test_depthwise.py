"""Depthwise convolutions leave autocast, and only they."""

import torch
from torch import nn

from skmultigran.training._depthwise import depthwise_in_float32
from skmultigran.training._forwards import forwards_replaced


def make_module():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(4, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3, groups=2)
    )


def dtypes(module, images):
    seen = []
    handles = [
        part.register_forward_hook(lambda _m, _i, output: seen.append(output.dtype))
        for part in module
    ]
    with torch.autocast("cpu", torch.bfloat16):
        module(images)
    for handle in handles:
        handle.remove()
    return seen


def test_depthwise_convolutions_alone_compute_in_float32():
    module, images = make_module(), torch.rand(2, 4, 8, 8)
    reduced, full = torch.bfloat16, torch.float32
    assert dtypes(module, images) == [reduced] * 3
    with depthwise_in_float32(module):
        assert dtypes(module, images) == [reduced, full, reduced]
    assert dtypes(module, images) == [reduced] * 3


def test_gradients_are_near_those_in_float32():
    module, images = make_module(), torch.rand(2, 4, 8, 8)
    module(images).square().sum().backward()
    expected = [p.grad.clone() for p in module.parameters()]
    module.zero_grad()
    with depthwise_in_float32(module), torch.autocast("cpu", torch.bfloat16):
        module(images).float().square().sum().backward()
    for parameter, gradient in zip(module.parameters(), expected, strict=True):
        scale = float(gradient.abs().max())
        torch.testing.assert_close(parameter.grad, gradient, atol=0.03 * scale, rtol=0)


def test_within_another_replacement_nothing_is_lost():
    module = nn.Conv2d(4, 4, 1, groups=4)
    with forwards_replaced({module: torch.neg}):
        with depthwise_in_float32(module):
            assert module(torch.ones(1)).item() == -1
        assert module(torch.ones(1)).item() == -1
    assert module(torch.ones(1, 4, 1, 1)).shape == (1, 4, 1, 1)
