"""The state of modules and optimizers as plain types and numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn


def module_state(module: nn.Module) -> dict[str, np.ndarray]:
    """Return parameters and buffers, shared ones once, unlike `state_dict`.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    dict of str to ndarray
        Copies.
    """
    return {name: to_plain(tensor) for name, tensor in _tensors(module).items()}


def load_module_state(module: nn.Module, state: dict[str, np.ndarray]) -> None:
    """Give a module the parameters and buffers of another one like it.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    state : dict of str to ndarray
        What `module_state` returned.

    Raises
    ------
    ValueError
        If the state is of a module that is built otherwise.
    """
    tensors = _tensors(module)
    if tensors.keys() != state.keys():
        different = sorted(tensors.keys() ^ state.keys())
        raise ValueError(
            f"The state does not fit the network: {different[:3]} ... are only in one "
            "of them. It was saved from a network that is built otherwise."
        )
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(from_plain(state[name]))


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    persistent = module.state_dict(keep_vars=True).keys()
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: tensor for name, tensor in named if name in persistent}


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
