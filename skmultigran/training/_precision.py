"""What training computes in."""

from __future__ import annotations

import torch

PRECISIONS = ("auto", "float32", "bfloat16")

# Below this many pixels per batch the time goes into starting kernels, and casting
# costs more than it saves.
_FEWEST_PIXELS = 2**15


def resolve_precision(precision: str, device: str, *, pixels: int) -> str:
    """Return what the steps of training compute in.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        What the user gave. "auto": bfloat16 where the device multiplies matrices of it
        natively and the batches are large enough to gain from it, float32 otherwise.
    device : str
        Where the network lives.
    pixels : int
        Pixels of one batch.

    Returns
    -------
    {"float32", "bfloat16"}
        The precision.

    Examples
    --------
    >>> from skmultigran.training._precision import resolve_precision
    >>> resolve_precision("auto", "cpu", pixels=64)
    'float32'
    """
    if precision != "auto":
        return precision
    large = pixels >= _FEWEST_PIXELS
    return "bfloat16" if large and _has_bfloat16(device) else "float32"


def _has_bfloat16(device: str) -> bool:
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return kind == "cpu" and any(
        # torch has no public question for the instructions of a processor.
        getattr(torch.cpu, name, lambda: False)()
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
