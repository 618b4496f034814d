import socket

import pytest
import torch


def test_network_is_out_of_reach():
    with (
        socket.socket() as connection,
        pytest.raises(
            RuntimeError, match=r"reach the network at \('127\.0\.0\.1', 9\)"
        ),
    ):
        connection.connect(("127.0.0.1", 9))


def test_one_torch_thread():
    assert torch.get_num_threads() == 1
