"""Modules whose batch norms change nothing, so that formulas stay short."""

import pytest
from torch import nn


@pytest.fixture
def neutral():
    """Put a module in eval mode with batch norms that return what they get."""

    def neutralise(module):
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eps = 0.0
        return module.eval()

    return neutralise
