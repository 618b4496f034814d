"""Other ways for modules to do their work, for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

from torch import Tensor, nn


@contextlib.contextmanager
def forwards_replaced(
    forwards: Mapping[nn.Module, Callable[[Tensor], Tensor]],
) -> Iterator[None]:
    """Let modules run other functions in place of their own `forward`.

    Parameters
    ----------
    forwards : mapping of torch.nn.Module to callable
        What each module runs; modules, their parts and names stay as they are.

    Yields
    ------
    None
        Afterwards each has the `forward` that it had before, of its own or replaced.
    """
    before = {module: vars(module).get("forward") for module in forwards}
    for module, forward in forwards.items():
        # Not by setattr: a module as `forward` would become a part with weights.
        vars(module)["forward"] = forward
    try:
        yield
    finally:
        for module, replaced in before.items():
            if replaced is None:
                del vars(module)["forward"]
            else:
                vars(module)["forward"] = replaced
