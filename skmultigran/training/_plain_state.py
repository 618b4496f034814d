"""The state of modules and optimizers as plain types and numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def to_plain(state: Any) -> Any:
    """Return a state with numpy arrays in place of tensors.

    Parameters
    ----------
    state : dict, list, tuple, Tensor or plain value
        What `state_dict` returned, or a part of it.

    Returns
    -------
    object
        The same structure of plain types.
    """
    if isinstance(state, torch.Tensor):
        return state.detach().cpu().numpy().copy()
    if isinstance(state, dict):
        return {key: to_plain(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(to_plain(value) for value in state)
    return state


def from_plain(state: Any) -> Any:
    """Return a state with tensors in place of numpy arrays.

    Parameters
    ----------
    state : object
        What `to_plain` returned.

    Returns
    -------
    object
        The same structure, to be given to `load_state_dict`.
    """
    if isinstance(state, np.ndarray):
        return torch.from_numpy(np.array(state))
    if isinstance(state, dict):
        return {key: from_plain(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(from_plain(value) for value in state)
    return state
