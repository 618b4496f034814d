"""What "auto" means for the parameters of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence

_STEPS, _MOST_EPOCHS = 3000, 80
_STEPS_OF_TINY_IMAGES, _MOST_EPOCHS_OF_TINY_IMAGES = 900, 100
_TINY = 16  # pixels along the longer side
_MANY_EPOCHS = 20
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


def auto_max_epochs(
    n: int,
    batch_size: int,
    *,
    image_size: Sequence[int] = (),
    fine_tuning: bool = False,
) -> int:
    """Return the number of epochs for `n` training images.

    Parameters
    ----------
    n : int
        Number of training images.
    batch_size : int
        Images per batch.
    image_size : sequence of int, default=()
        `(height, width)` of the images in pixels; none where a frozen backbone has made
        rows of features of them.
    fine_tuning : bool, default=False
        Whether a pretrained backbone is trained.

    Returns
    -------
    int
        As many as make 3,000 steps, between 12 and 80; 900 steps, between 12 and 100,
        for images of up to 16 pixels a side and for rows; 650 steps, between 3 and 30,
        when fine-tuning.
    """
    if fine_tuning:
        return max(3, min(30, math.ceil(_FINE_TUNING_STEPS * batch_size / n)))
    steps, most = _STEPS, _MOST_EPOCHS
    if max(image_size, default=0) <= _TINY:
        steps, most = _STEPS_OF_TINY_IMAGES, _MOST_EPOCHS_OF_TINY_IMAGES
    return max(12, min(most, math.ceil(steps * batch_size / n)))


def auto_augment(
    image_size: Sequence[int], max_epochs: int, *, fine_tuning: bool = False
) -> tuple[str, ...]:
    """Return the random changes of training images.

    Images that are seen a few times need not be changed; those that are seen many times
    would be learned by heart.

    Parameters
    ----------
    image_size : sequence of int
        `(height, width)` of the images in pixels.
    max_epochs : int
        How many times each is seen.
    fine_tuning : bool, default=False
        Whether a pretrained backbone is trained.

    Returns
    -------
    tuple of str
        "affine" for images of up to 16 pixels a side and for fine-tuning; of others
        "shift" and "erase" in 20 epochs or more, nothing in fewer; nothing for images
        of one line.
    """
    if min(image_size) == 1:
        return ()
    if fine_tuning or max(image_size) <= _TINY:
        return ("affine",)
    return () if max_epochs < _MANY_EPOCHS else ("shift", "erase")


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
