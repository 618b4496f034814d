"""No test finds the networks that another has built."""

import pytest

from skmultigran.backbones._kept_networks import forget_networks


@pytest.fixture(autouse=True)
def _no_kept_networks():
    forget_networks()
