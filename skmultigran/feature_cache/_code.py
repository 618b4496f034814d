"""The code of classes: what one's own backbone does, where no version tells it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from skmultigran.feature_cache._code_reader import COVERED, PACKAGES, CodeReader
from skmultigran.feature_cache._keys import class_name, namespace_key


def package_versions(classes: Iterable[type]) -> dict[str, str]:
    """Return the versions of the packages that classes and their bases come from.

    Parameters
    ----------
    classes : iterable of type
        The classes of a network's parts.

    Returns
    -------
    dict of str to str
        Names of skmultigran, torch, torchvision and timm, as far as they are used, to
        their versions.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.feature_cache import package_versions
    >>> package_versions([torch.nn.Linear]) == {"torch": str(torch.__version__)}
    True
    """
    used = {_package(cls) for cls in _with_bases(classes)}
    return {
        name: str(sys.modules[name].__version__) for name in PACKAGES if name in used
    }


def code_key(classes: Iterable[type]) -> bytes:
    """Return the key of the code of classes that `package_versions` does not cover.

    Parameters
    ----------
    classes : iterable of type
        The classes of a network's parts. Of one's own classes and their bases the
        methods count, by their bytecode, and the attributes of which a key can be made;
        names of files and numbers of lines do not. Defaults, closures, globals and
        what one's own modules hold count as far as methods, and functions that they
        name, read them. Installed packages that these use count by their version.

    Returns
    -------
    bytes
        16 bytes, the same in every process of one version of Python.

    Raises
    ------
    NoKeyError
        A `TypeError`: a method uses an object of which no key can be made.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.feature_cache import code_key
    >>> class Doubled(torch.nn.Module):
    ...     def forward(self, images):
    ...         return images * 2
    >>> Doubled.__module__ = "of_my_own"
    >>> code_key([torch.nn.Linear]) == code_key([torch.nn.Conv2d])
    True
    >>> code_key([torch.nn.Linear]) == code_key([Doubled])
    False
    """
    own = {cls for cls in _with_bases(classes) if _package(cls) not in COVERED}
    keys = [
        namespace_key(name=class_name(cls), code=CodeReader().members(cls))
        for cls in own
    ]
    return namespace_key(classes=sorted(keys))


def _with_bases(classes: Iterable[type]) -> set[type]:
    return {base for cls in classes for base in cls.__mro__}


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]
