"""Keys: 16 bytes that stand for an image, a file, weights, or a kind of features.

They are the same in every process and on every machine, and no object is pickled or
asked for its `hash`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from skmultigran._recipe import Recipe

KEY_BYTES = 16

# Booleans, integers, floats and complex numbers: what has one meaning bit by bit.
_KINDS = "biufc"


class NoKeyError(TypeError):
    """Something of which no key can be made."""


def _hasher(kind: bytes) -> hashlib.blake2b:
    # The kind keeps an image and a file of the same bytes apart.
    return hashlib.blake2b(digest_size=KEY_BYTES, person=kind)


def image_key(array: np.ndarray) -> bytes:
    """Return the key of an image: of its dtype, its shape and its values.

    Parameters
    ----------
    array : ndarray
        The image, of numbers. It is read in place where it is C-contiguous, and copied
        otherwise: the order in memory does not count.

    Returns
    -------
    bytes
        16 bytes. Equal values of another dtype, byte order or shape have another key.

    Raises
    ------
    NoKeyError
        A `TypeError`: the values are not numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.feature_cache import image_key
    >>> image_key(np.zeros((8, 8), dtype="uint8")).hex()
    '470fe6bf1ee67a815cd1f0e194d99543'
    """
    array = np.asarray(array)
    if array.dtype.kind not in _KINDS:
        raise NoKeyError(
            f"image_key got an array of dtype {array.dtype}; it must hold numbers. "
            "Convert it with astype first."
        )
    hasher = _hasher(b"image")
    hasher.update(f"{array.dtype.str}{array.shape}".encode())
    hasher.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return hasher.digest()


def file_key(path: str | os.PathLike) -> bytes:
    """Return the key of a file's bytes, which are read piece by piece.

    Parameters
    ----------
    path : str or path
        The file. Its name and its times do not count.

    Returns
    -------
    bytes
        16 bytes.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmultigran.feature_cache import file_key
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "image.png")
    ...     _ = path.write_bytes(b"the same bytes")
    ...     file_key(path).hex()
    'ee3ba5a3852bc513144c79c9759c9038'
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: _hasher(b"file")).digest()


def weights_key(module: torch.nn.Module) -> bytes:
    """Return the key of a module's weights and buffers.

    Parameters
    ----------
    module : torch.nn.Module
        The module, on any device. What its `state_dict` holds counts: names, shapes,
        dtypes and values. Its code and buffers that are not kept there do not, so they
        must be told to `namespace_key` in another way.

    Returns
    -------
    bytes
        16 bytes.

    Raises
    ------
    NoKeyError
        A `TypeError`: the state dict holds something else than tensors.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.feature_cache import weights_key
    >>> layer = torch.nn.Linear(2, 1)
    >>> before = weights_key(layer)
    >>> _ = layer.weight.data.add_(1.0)
    >>> weights_key(layer) == before
    False
    """
    return weights_keys([module])[0]


def weights_keys(modules: Iterable[torch.nn.Module]) -> list[bytes]:
    """Return the `weights_key` of each module; tensors that they share are read once.

    Parameters
    ----------
    modules : iterable of torch.nn.Module
        The modules.

    Returns
    -------
    list of bytes
        16 bytes each.

    Raises
    ------
    NoKeyError
        As `weights_key`.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.feature_cache import weights_key, weights_keys
    >>> layers = [torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)]
    >>> weights_keys(layers) == [weights_key(layer) for layer in layers]
    True
    """
    digests: dict[tuple, bytes] = {}
    return [_weights_key(module, digests) for module in modules]


def _weights_key(module: torch.nn.Module, digests: dict[tuple, bytes]) -> bytes:
    hasher = _hasher(b"weights")
    for name, tensor in sorted(module.state_dict().items()):
        if not isinstance(tensor, Tensor):
            raise NoKeyError(
                f"weights_key found {name!r} of type {type(tensor).__name__} in the "
                f"state of {type(module).__name__}; it must be a tensor. Keep other "
                "state as a parameter of the recipe."
            )
        hasher.update(json.dumps([name, str(tensor.dtype), tensor.shape]).encode())
        layout = tensor.dtype, tensor.shape, tensor.stride()
        place = (tensor.device, tensor.data_ptr(), *layout)
        if place not in digests:
            digests[place] = _values_digest(tensor)
        hasher.update(digests[place])
    return hasher.digest()


def _values_digest(tensor: Tensor) -> bytes:
    # As bytes: numpy has no bfloat16.
    raw = tensor.cpu().contiguous().reshape(-1).view(torch.uint8)
    # Processors have instructions for it: half the time of BLAKE2.
    return hashlib.sha256(raw.numpy().data).digest()


def namespace_key(**parts: object) -> bytes:
    """Return the key of a kind of features: of all that shapes them but the image.

    Parameters
    ----------
    **parts : None, bool, int, float, str, bytes, path, ndarray, recipe, list, tuple \
            or dict
        What the features depend on, by name: the backbone and its weights, the
        granularity, the pooling, the size, and so on. Lists and dicts may be nested. A
        tuple is taken as a list; 1 and 1.0 are different. Of an array its type, shape
        and values count; of a recipe its class, by module and name, and all of its
        parameters, which must be of these types too. No `repr` is asked: those of two
        different objects may be equal.

    Returns
    -------
    bytes
        16 bytes. The order in which the parts are given does not count.

    Raises
    ------
    NoKeyError
        A `TypeError`: a part, or something inside of it, has another type.

    Examples
    --------
    >>> from skmultigran import ScatteringBackbone
    >>> from skmultigran.feature_cache import namespace_key
    >>> namespace_key(backbone="scattering", scales=(1.0, 0.5)).hex()
    'a708f18d355f7d28913fd3f35c5115d4'
    >>> key = namespace_key(backbone=ScatteringBackbone())
    >>> key == namespace_key(backbone=ScatteringBackbone(n_orientations=6))
    False
    """
    hasher = _hasher(b"namespace")
    plain = {name: _plain(name, value) for name, value in parts.items()}
    hasher.update(json.dumps(plain, sort_keys=True).encode())
    return hasher.digest()


def class_name(cls: type) -> str:
    """Return the full name of a class.

    Parameters
    ----------
    cls : type
        The class.

    Returns
    -------
    str
        Module and qualified name.
    """
    return f"{cls.__module__}.{cls.__qualname__}"


def _plain(part: str, value: object) -> object:
    """Return `value` as JSON in which no two different values look the same."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return ["float", repr(value)]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, os.PathLike):
        return ["path", os.fspath(value)]
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        return ["array", image_key(value).hex()]
    if isinstance(value, list | tuple):
        return ["list", [_plain(part, item) for item in value]]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return ["dict", {key: _plain(part, item) for key, item in value.items()}]
    if isinstance(value, Recipe):
        own = value.get_params(deep=False)
        plain = {name: _plain(f"{part}__{name}", own[name]) for name in own}
        return ["recipe", class_name(type(value)), plain]
    raise NoKeyError(
        f"namespace_key got {value!r} of type {type(value).__name__} in {part!r}; "
        "parts are None, bool, int, float, str, bytes, paths, arrays of numbers, "
        "recipes, and lists, tuples and dicts with str keys of these. Describe it by "
        "those, or by its str."
    )
