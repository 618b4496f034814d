"""What a frozen backbone sees, computed once per image and kept where asked for."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import Tensor

from skmultigran.feature_cache import (
    FeatureCache,
    NoKeyError,
    cached_rows,
    file_key,
    image_key,
)
from skmultigran.images import Images, ImageSource, ListedImages, settled_state
from skmultigran.training import predict_outputs


def frozen_rows(
    function: Callable[[Tensor], Tensor],
    widths: Mapping[str, int],
    source: ImageSource,
    device: str,
    *,
    cache: FeatureCache | None,
    namespaces: Callable[[], dict[str, bytes]],
) -> Tensor:
    """Return rows of features, from the cache as far as it has them.

    Parameters
    ----------
    function : callable
        Images `(B, C, H, W)` to features `(B, n_columns)`.
    widths : mapping of str to int
        Number of columns of each granularity, in their order.
    source : ImageSource
        The images.
    device : str
        Where the network lives.
    cache : FeatureCache or None
        Where features are kept; None: nowhere.
    namespaces : callable
        Gives the key of each granularity's features: of all that they depend on
        besides the image.

    Returns
    -------
    Tensor of float32 of shape (n, n_columns)
        The rows.

    Warns
    -----
    UserWarning
        If there is something of which no key can be made, so that nothing is kept.
    """
    keys_of_features = None if cache is None else _namespaces_or_none(namespaces)
    if cache is None or keys_of_features is None:
        return predict_outputs(function, source, device, one_size=True)
    columns = [
        slice(*ends) for ends in pairwise(accumulate(widths.values(), initial=0))
    ]

    def compute(positions):
        part = source.part(positions)
        rows = predict_outputs(function, part, device, one_size=True).numpy()
        return {name: rows[:, part] for name, part in zip(widths, columns, strict=True)}

    keys = content_keys(source.images, source.rows)
    tables = cached_rows(cache, keys_of_features, keys, compute)
    return torch.from_numpy(np.concatenate([tables[name] for name in widths], axis=1))


def _namespaces_or_none(
    namespaces: Callable[[], dict[str, bytes]],
) -> dict[str, bytes] | None:
    try:
        return namespaces()
    except NoKeyError as error:
        warnings.warn(
            "memory is not used: the features depend on something of which no key can "
            f"be made, so they are computed each time. {error}",
            UserWarning,
            stacklevel=2,
        )
        return None


def content_keys(images: Images, rows: np.ndarray) -> list[bytes]:
    """Return the keys of images: of a file's bytes, or of an array.

    Parameters
    ----------
    images : Images
        The images.
    rows : ndarray of int
        Row numbers.

    Returns
    -------
    list of bytes
        One key per row.
    """
    if not isinstance(images, ListedImages):
        return [image_key(images.read(row)) for row in rows]
    return images.each(lambda row: _entry_key(images, row), rows)


def _entry_key(images: ListedImages, row: int) -> bytes:
    path = images.path(row)
    if path is None:
        return image_key(images.read(row))
    state = settled_state(path)
    return file_key(path) if state is None else _known_file_key(*state)


@functools.lru_cache(maxsize=2**17)
def _known_file_key(path: str, *state: int) -> bytes:
    """Return the key of a file; one that has not changed is not read again."""
    return file_key(path)
