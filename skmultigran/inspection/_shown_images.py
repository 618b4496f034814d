"""Images of any form as arrays that can be shown."""

from __future__ import annotations

import numpy as np

from skmultigran.images import CropSource, ValueRange, open_images


def shown_images(X, caller, estimator=None):
    """Return images in their own sizes, with values in [0, 1].

    Parameters
    ----------
    X : array-like
        Images, as estimators take them.
    caller : str
        Name of the display, for messages.
    estimator : estimator or None, default=None
        The model that answers for them. Where it has an `image_shape` of flattened
        rows, or a `value_range_`, these are used.

    Returns
    -------
    list of ndarray of float32 of shape (height, width, n_channels)
        The images.
    """
    shape = getattr(estimator, "image_shape", None)
    images = open_images(X, owner=caller, image_shape=shape)
    value_range = getattr(estimator, "value_range_", None) or ValueRange.learn(images)
    source = CropSource(images, value_range, (1, 1))
    tensors = [source.whole(position)[0] for position in range(len(source))]
    return [np.clip(tensor.permute(1, 2, 0).numpy(), 0, 1) for tensor in tensors]


def check_as_many(images, answers, name, caller):
    """Check that there is one answer per image.

    Parameters
    ----------
    images : sequence
        The images.
    answers : sequence or None
        What belongs to them; None: nothing does.
    name : str
        Name of the answers' parameter.
    caller : str
        Name of the display, for the message.

    Raises
    ------
    ValueError
        If the numbers differ.
    """
    if answers is not None and len(answers) != len(images):
        raise ValueError(
            f"{caller} got {len(images)} images, but {name} has {len(answers)}. Pass "
            "one for each image, in the same order."
        )
