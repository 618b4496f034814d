"""Small batches use few threads, and the number is put back."""

import pytest
import torch

from skmultigran.training._threads import threads_for


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("pixels", "threads"), [(0, 1), (64 * 64, 1), (2**15, 2), (2**16, 4), (2**30, 4)]
)
@pytest.mark.usefixtures("four_threads")
def test_threads_grow_with_the_batch_up_to_those_allowed(pixels, threads):
    with threads_for(pixels):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_the_number_is_put_back_after_an_error():
    with pytest.raises(KeyError, match="boom"), threads_for(1):
        raise KeyError("boom")
    assert torch.get_num_threads() == 4
