"""What every test shares: one torch thread, seeds, and no network."""

import os
import socket

import numpy as np
import pytest
import torch

# pytest-xdist runs one worker per core; a pool of threads in each would slow all.
torch.set_num_threads(1)

_N_SEEDS = int(os.environ.get("SKMULTIGRAN_TEST_SEEDS", "1"))


@pytest.fixture(params=range(_N_SEEDS))
def seed(request):
    """A seed for a test that must hold for any; the environment sets how many."""
    return request.param


@pytest.fixture(autouse=True)
def _fixed_global_generators():
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def guard(refused):
        def connect(self, address, *args):
            if self.family in (socket.AF_INET, socket.AF_INET6):
                raise RuntimeError(f"A test tried to reach the network at {address}.")
            return refused(self, address, *args)

        return connect

    for name in ("connect", "connect_ex"):
        method = getattr(socket.socket, name)
        monkeypatch.setattr(socket.socket, name, guard(method))
