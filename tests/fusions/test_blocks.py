"""The blocks that fusions are made of."""

import pytest
import torch
from torch.nn import functional

from skmultigran.fusions._base import PointwiseConv2d


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 2), (5, 4)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pointwise_convolutions_are_convolutions(bias, size, layout):
    torch.manual_seed(0)
    convolution = PointwiseConv2d(6, 4, bias=bias)
    map_ = torch.randn(3, 6, *size).to(memory_format=layout).requires_grad_()
    expected = functional.conv2d(map_, convolution.weight, convolution.bias)
    found = convolution(map_)
    torch.testing.assert_close(found, expected)
    shares = torch.randn_like(found)
    slopes = [
        torch.autograd.grad((output * shares).sum(), [map_, *convolution.parameters()])
        for output in (found, expected)
    ]
    for got, right in zip(*slopes, strict=True):
        torch.testing.assert_close(got, right)
