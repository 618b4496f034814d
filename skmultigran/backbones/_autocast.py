"""Fixed filters compute in full precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def no_autocast(device: torch.device) -> AbstractContextManager:
    """Return a context in which nothing is computed in bfloat16.

    Parameters
    ----------
    device : torch.device
        Where is computed.

    Returns
    -------
    context manager
        The context.
    """
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()
