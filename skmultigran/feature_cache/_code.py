"""The code of classes: what one's own backbone does, where no version tells it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import CodeType

from skmultigran.feature_cache._keys import NoKeyError, class_name, namespace_key

# Where the code of a network comes from; a version stands for all of it.
_PACKAGES = ("skmultigran", "torch", "torchvision", "timm")
_OTHERS = {"sklearn", *sys.stdlib_module_names}


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
        name: str(sys.modules[name].__version__) for name in _PACKAGES if name in used
    }


def code_key(classes: Iterable[type]) -> bytes:
    """Return the key of the code of classes that `package_versions` does not cover.

    Parameters
    ----------
    classes : iterable of type
        The classes of a network's parts. Of one's own classes and their bases the
        methods count, by their bytecode, and the attributes that `namespace_key`
        takes; names of files and numbers of lines do not. Functions that the methods
        call do not count either.

    Returns
    -------
    bytes
        16 bytes, the same in every process of one version of Python.

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
    covered = {*_PACKAGES, *_OTHERS}
    own = {cls for cls in _with_bases(classes) if _package(cls) not in covered}
    keys = [namespace_key(name=class_name(cls), code=_code(cls)) for cls in own]
    return namespace_key(classes=sorted(keys))


def _with_bases(classes: Iterable[type]) -> set[type]:
    return {base for cls in classes for base in cls.__mro__}


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]


def _code(cls: type) -> dict[str, object]:
    """Return the methods and plain attributes of a class, for `namespace_key`."""
    found: dict[str, object] = {}
    for name, value in vars(cls).items():
        methods = [_bytecode(method) for method in _functions(value)]
        if methods:
            found[name] = methods
        elif not name.startswith("__") and _has_key(value):
            found[name] = value
    return found


def _functions(value: object) -> Iterator[CodeType]:
    """Yield the code of a method, of what a decorator wraps, or of a property."""
    parts = [value, getattr(value, "__func__", None)]
    if isinstance(value, property):
        parts = [value.fget, value.fset]
    for part in parts:
        code = getattr(part, "__code__", None)
        if isinstance(code, CodeType):
            # What a decorator wraps is what counts, and the decorator too.
            yield code
            yield from _functions(getattr(part, "__wrapped__", None))


def _bytecode(code: CodeType) -> list[object]:
    constants = [
        _bytecode(value) if isinstance(value, CodeType) else _shown(value)
        for value in code.co_consts
    ]
    return [code.co_code, list(code.co_names), list(code.co_varnames), constants]


def _shown(value: object) -> str:
    # The order of a set differs between processes.
    if isinstance(value, frozenset):
        return f"frozenset {sorted(map(_shown, value))}"
    return repr(value)


def _has_key(value: object) -> bool:
    try:
        namespace_key(value=value)
    except NoKeyError:
        return False
    return True
