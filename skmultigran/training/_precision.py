"""What training computes in."""

from __future__ import annotations

import torch

PRECISIONS = ("auto", "float32", "bfloat16")


def resolve_precision(precision: str, device: str, *, large: bool) -> str:
    """Return what the steps of training compute in.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        What the user gave. "auto": bfloat16 for large networks on a GPU that has it
        natively, float32 otherwise: on processors networks of depthwise convolutions
        were slower in bfloat16, though these had instructions for it.
    device : str
        Where the network lives.
    large : bool
        Whether the steps are long enough to gain from it.

    Returns
    -------
    {"float32", "bfloat16"}
        The precision.

    Examples
    --------
    >>> from skmultigran.training._precision import resolve_precision
    >>> resolve_precision("auto", "cpu", large=False)
    'float32'
    """
    if precision != "auto":
        return precision
    return "bfloat16" if large and _has_bfloat16(device) else "float32"


def _has_bfloat16(device: str) -> bool:
    on_gpu = torch.device(device).type == "cuda"
    return on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
