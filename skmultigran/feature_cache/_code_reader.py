"""What code says and uses, as lists and plain values that `namespace_key` takes."""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from itertools import pairwise
from pathlib import Path
from types import BuiltinFunctionType, CodeType, EllipsisType, FunctionType, ModuleType

import numpy as np
import torch

from skmultigran.feature_cache._keys import NoKeyError, class_name, namespace_key

# Where the code of a network comes from; a version stands for all of it.
PACKAGES = ("skmultigran", "torch", "torchvision", "timm")
# And what networks use besides.
COVERED = {*PACKAGES, "sklearn", *sys.stdlib_module_names}

# What a `repr` tells completely.
_SHOWN = (
    complex,
    range,
    slice,
    EllipsisType,
    np.dtype,
    torch.dtype,
    torch.device,
    torch.memory_format,
)


class CodeReader:
    """Describes classes and functions of one's own, with all that they use.

    Installed code counts by its name and version. What is met again counts by its name,
    as code may use itself: one reader is for one class.

    Examples
    --------
    >>> from skmultigran.feature_cache._code_reader import CodeReader
    >>> CodeReader().value({"scales": (1, 2j)})
    ['dict', [['scales', [1, '2j']]]]
    """

    def __init__(self) -> None:
        self._met: set[int] = set()

    def members(self, cls: type) -> dict[str, object]:
        """Return the methods of a class, and those attributes that have a key.

        Parameters
        ----------
        cls : type
            The class.

        Returns
        -------
        dict of str to object
            Their descriptions by name.

        Raises
        ------
        NoKeyError
            If a method uses something of which no key can be made.
        """
        self._met.add(id(cls))
        functions = {name: _functions(value) for name, value in vars(cls).items()}
        found: dict[str, object] = {
            name: [self._function(function) for function in own]
            for name, own in functions.items()
            if own
        }
        for name, value in vars(cls).items():
            if name not in found and not name.startswith("__"):
                with suppress(NoKeyError):
                    found[name] = self.value(value)
        return found

    def value(self, value: object) -> object:
        """Return the description of anything.

        Parameters
        ----------
        value : object
            What code uses.

        Returns
        -------
        object
            Lists and plain values, as `namespace_key` takes them.

        Raises
        ------
        NoKeyError
            If no key can be made of it, or of something inside of it.
        """
        if isinstance(value, Enum):
            return [class_name(type(value)), value.name, self.value(value.value)]
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return ["dict", [[self.value(k), self.value(v)] for k, v in value.items()]]
        if isinstance(value, set | frozenset):
            # The order of a set differs between processes.
            return ["set", sorted(namespace_key(item=self.value(v)) for v in value)]
        if isinstance(value, torch.Tensor):
            raw = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            return ["tensor", str(value.dtype), list(value.shape), raw.numpy()]
        if isinstance(value, _SHOWN):
            return repr(value)
        if isinstance(value, functools.partial):
            return [
                self.value(part) for part in (value.func, value.args, value.keywords)
            ]
        if callable(value) or isinstance(value, ModuleType):
            return self._code(value)
        try:
            namespace_key(value=value)
        except NoKeyError:
            raise _without_key(value) from None
        return value

    def _code(self, value: object) -> object:
        """Return the description of a module, a class, a function or the like."""
        wrapped = getattr(value, "__wrapped__", None)
        if isinstance(value, FunctionType) and (
            wrapped is not None or not _is_installed(value)
        ):
            return self._function(value)
        if _is_installed(value) or isinstance(value, ModuleType):
            return _name_and_version(value)
        if isinstance(value, type):
            return self._class(value)
        if wrapped is not None:
            return self.value(wrapped)
        if isinstance(value, BuiltinFunctionType):
            return [self.value(value.__self__), value.__name__]
        raise _without_key(value)

    def _class(self, cls: type) -> list[object]:
        if id(cls) in self._met:
            return [class_name(cls)]
        self._met.add(id(cls))
        return [class_name(cls), self.value(cls.__bases__), self.members(cls)]

    def _function(self, function: FunctionType) -> list[object]:
        if id(function) in self._met:
            return [function.__qualname__]
        self._met.add(id(function))
        described: list[object] = [_bytecode(function.__code__)]
        if not _is_installed(function):
            for name, value in _used(function):
                try:
                    described.append([name, self.value(value)])
                except NoKeyError as error:
                    who = function.__qualname__
                    raise NoKeyError(f"{who} uses {name}. {error}") from error
        # What a decorator wraps counts, and the decorator too.
        wrapped = getattr(function, "__wrapped__", None)
        return described if wrapped is None else [*described, self.value(wrapped)]


def _without_key(value: object) -> NoKeyError:
    return NoKeyError(
        f"No key can be made of {value!r} of type {type(value).__name__}. Make it in "
        "the network's constructor, or of numbers, strings, arrays and functions."
    )


def _is_installed(value: object) -> bool:
    """Tell whether something with a name comes from an installed package."""
    home = _home(value)
    if not isinstance(home, str) or not hasattr(value, "__name__"):
        return False
    if home.partition(".")[0] in COVERED:
        return True
    file = getattr(sys.modules.get(home), "__file__", None) or ""
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


def _home(value: object) -> object:
    """Return the name of the module that something is written in."""
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, FunctionType):
        # A decorator of a package says to be from where the decorated function is.
        return value.__globals__.get("__name__")
    return getattr(value, "__module__", None)


def _name_and_version(value: object) -> list[object]:
    home = str(_home(value))
    package = sys.modules.get(home.partition(".")[0])
    version = getattr(package, "__version__", None)
    name = getattr(value, "__qualname__", None)
    return [home, name, None if version is None else str(version)]


def _functions(value: object) -> list[FunctionType]:
    """Return the functions of a method, a property or the like."""
    parts = [
        getattr(value, name, None) for name in ("__func__", "fget", "fset", "func")
    ]
    return [part for part in (value, *parts) if isinstance(part, FunctionType)]


def _used(function: FunctionType) -> Iterator[tuple[str, object]]:
    """Yield names and values of defaults, of closures and of globals."""
    yield "its defaults", function.__defaults__
    yield "its defaults", function.__kwdefaults__
    for name, cell in zip(
        function.__code__.co_freevars, function.__closure__ or (), strict=True
    ):
        with suppress(ValueError):  # it is empty
            yield name, cell.cell_contents
    yield from _globals(function.__code__, function.__globals__).items()


def _globals(code: CodeType, space: dict[str, object]) -> dict[str, object]:
    """Return the globals that code reads; of one's own modules only what it reads."""
    found: dict[str, object] = {}
    for nested in code.co_consts:
        if isinstance(nested, CodeType):
            found |= _globals(nested, space)
    for one, following in pairwise(dis.get_instructions(code)):
        name = one.argval
        if one.opname not in ("LOAD_GLOBAL", "LOAD_NAME") or name not in space:
            continue
        value = space[name]
        attribute = following.opname in ("LOAD_ATTR", "LOAD_METHOD")
        if attribute and isinstance(value, ModuleType) and not _is_installed(value):
            name = f"{name}.{following.argval}"
            value = getattr(value, following.argval, None)
        if not name.startswith("__"):
            found[name] = value
    return found


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
