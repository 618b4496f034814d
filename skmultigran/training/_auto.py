"""What "auto" means for the parameters of a training."""

from __future__ import annotations

import math

_STEPS = 900
_FINE_TUNING_STEPS = 650
_FINE_TUNING_BATCH = 32


def auto_batch_size(n: int, *, fine_tuning: bool = False) -> int:
    """Return the number of images per batch for `n` training images.

    Parameters
    ----------
    n : int
        Number of training images.
    fine_tuning : bool, default=False
        Whether a pretrained backbone is trained.

    Returns
    -------
    int
        The power of two nearest below `n / 16`, between 16 and 128; at most 32 when
        fine-tuning.
    """
    if fine_tuning:
        return min(_FINE_TUNING_BATCH, auto_batch_size(n))
    return int(2 ** max(4, min(7, math.floor(math.log2(max(n, 1) / 16)))))


def auto_max_epochs(n: int, batch_size: int, *, fine_tuning: bool = False) -> int:
    """Return the number of epochs for `n` training images.

    Parameters
    ----------
    n : int
        Number of training images.
    batch_size : int
        Images per batch.
    fine_tuning : bool, default=False
        Whether a pretrained backbone is trained.

    Returns
    -------
    int
        As many as make 900 steps, between 12 and 100; 650 steps, between 3 and 30, when
        fine-tuning.
    """
    if fine_tuning:
        return max(3, min(30, math.ceil(_FINE_TUNING_STEPS * batch_size / n)))
    return max(12, min(100, math.ceil(_STEPS * batch_size / n)))


def auto_lr(optimizer: str) -> float:
    """Return the largest learning rate for an optimizer.

    Parameters
    ----------
    optimizer : {"adamw", "sgd"}
        Name of the optimizer.

    Returns
    -------
    float
        0.003 for AdamW, 0.1 for SGD.
    """
    return {"adamw": 3e-3, "sgd": 0.1}[optimizer]
