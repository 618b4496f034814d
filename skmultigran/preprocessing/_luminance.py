"""How bright a pixel is, and colour images changed in brightness alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skmultigran.images import luminance


def brightness(image: np.ndarray) -> np.ndarray:
    """Return the brightness of an image.

    Parameters
    ----------
    image : ndarray of float of shape (h, w, c)
        The image.

    Returns
    -------
    ndarray of shape (h, w)
        Of three channels the luminance after ITU-R BT.601, else the mean of all.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._luminance import brightness
    >>> float(brightness(np.array([[[0.0, 1.0, 0.0]]]))[0, 0].round(3))
    0.587
    """
    return luminance(image) if image.shape[2] == 3 else image.mean(axis=2)


def change_luminance(
    image: np.ndarray, function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Change how bright an image is, but not its colours.

    All channels of a pixel get the same addition, so that their differences, the
    colour, stay.

    Parameters
    ----------
    image : ndarray of float of shape (h, w, c)
        The image. Channels that are not three are changed one by one.
    function : callable
        Takes a grey image `(h, w)` and returns one.

    Returns
    -------
    ndarray of shape (h, w, c)
        The changed image, not clipped.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.preprocessing._luminance import change_luminance
    >>> change_luminance(np.array([[[0.5, 0.25, 0.0]]]), lambda grey: grey + 0.25)
    array([[[0.75, 0.5 , 0.25]]])
    """
    if image.shape[2] == 3:
        grey = luminance(image)
        return image + (function(grey) - grey)[:, :, None]
    channels = [function(image[:, :, k]) for k in range(image.shape[2])]
    return np.stack(channels, axis=2)
