"""How many scales fixed filters have."""

from __future__ import annotations


def resolve_n_scales(
    n_scales: int | str, image_size: tuple[int, int], most: int
) -> int:
    """Return the number of scales.

    Parameters
    ----------
    n_scales : int or "auto"
        What the recipe says.
    image_size : tuple of int
        Typical `(height, width)` of the images.
    most : int
        The most that "auto" gives.

    Returns
    -------
    int
        For "auto" the scales of 1, 2, 4, ... pixels up to a quarter of the image's
        shorter side.
    """
    if not isinstance(n_scales, str):
        return int(n_scales)
    return max(1, min(min(image_size).bit_length() - 2, most))
