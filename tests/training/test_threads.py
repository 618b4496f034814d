"""Small batches use few threads, and the number is put back."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import torch

from skmultigran.training._threads import threads_for


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def workers():
    """Three threads of Python that have not used torch yet."""
    with ExitStack() as stack:
        yield [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(3)]


def number_in(worker):
    return worker.submit(torch.get_num_threads).result()


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


@pytest.mark.usefixtures("four_threads")
def test_within_each_other_the_inner_batch_may_use_fewer(workers):
    with threads_for(2**15):
        with threads_for(1):
            assert torch.get_num_threads() == 1
            assert number_in(workers[0]) == 4
        assert torch.get_num_threads() == 2
        assert number_in(workers[1]) == 4
    assert torch.get_num_threads() == 4
    assert number_in(workers[2]) == 4


@pytest.mark.usefixtures("four_threads")
def test_a_thread_that_begins_within_has_all_threads(workers):
    first, second, third = workers
    with threads_for(1):
        assert number_in(first) == 4
        context = threads_for(2**15)
        second.submit(context.__enter__).result()
        assert number_in(second) == 2
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 4
    assert number_in(second) == 2
    second.submit(context.__exit__, None, None, None).result()
    assert [number_in(worker) for worker in (first, second, third)] == [4, 4, 4]
    assert torch.get_num_threads() == 4
