"""Which device a network lives on."""

from __future__ import annotations

import torch


def resolve_device(device: str) -> str:
    """Return the device to use.

    Parameters
    ----------
    device : str
        "auto", or a name that torch knows, such as "cpu" or "cuda:1". "auto": the first
        CUDA device, else Apple's "mps", else "cpu".

    Returns
    -------
    str
        A device that is there.

    Raises
    ------
    ValueError
        If torch does not know the device or it is not there.

    Examples
    --------
    >>> from skmultigran.training import resolve_device
    >>> resolve_device("cpu")
    'cpu'
    """
    if device == "auto":
        return _best_device()
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        raise ValueError(
            f"device={device!r} cannot be used: {_first_line(error)}. Pass 'auto' for "
            f"the best device that is there, here {_best_device()!r}."
        ) from error
    return device


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
