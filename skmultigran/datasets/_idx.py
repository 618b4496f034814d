"""The IDX format of MNIST and its kin: numbers behind a short header."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

# The header is two zeros, the type of the numbers, here bytes, and how many dimensions;
# then their lengths, four bytes each.
_BYTES = 8
_AGAIN = "Install or download it again."


def read_idx(path: Path) -> np.ndarray:
    """Return the array of bytes in a file that gzip compressed.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    ndarray of uint8
        The array, with the dimensions that the file says.

    Raises
    ------
    ValueError
        If the file is damaged or something else.
    """
    try:
        content = bytearray(gzip.decompress(path.read_bytes()))
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: {error}. {_AGAIN}") from error
    n_dimensions = content[3] if len(content) > 3 else 0
    start = 4 + 4 * n_dimensions
    shape = np.frombuffer(content[4:start], dtype=">u4").tolist()
    if content[:3] != bytes([0, 0, _BYTES]) or len(content) != start + math.prod(shape):
        raise ValueError(
            f"{path} is no IDX file of bytes, or a part is missing. {_AGAIN}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
