"""The promises that recipes of every kind keep, and the modules that they build."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from sklearn.base import clone
from torch import Tensor, nn

from skmultigran._levels import Level
from skmultigran._recipe import Recipe

Maps = Sequence[Tensor]


def require(condition: bool, who: object, message: str) -> None:
    """Raise an AssertionError that says who broke which promise, unless it is kept."""
    # Not an assert statement: those vanish under `python -O`.
    if not condition:
        raise _broken(who, message)


@contextmanager
def reported(who: object, action: str) -> Iterator[None]:
    """Turn any exception into an AssertionError that says what was being done."""
    try:
        yield
    except Exception as error:
        message = f"{action} raised {type(error).__name__}: {error}"
        raise _broken(who, message) from error


def _broken(who: object, message: str) -> AssertionError:
    try:
        name = str(who)
    except AttributeError:  # a parameter is not stored
        name = type(who).__name__
    return AssertionError(f"{name} breaks a promise: {message}")


def close(maps: Maps, others: Maps, tolerance: float = 1e-4) -> bool:
    """Tell whether maps agree, relative to the largest number of each."""
    # Convolutions add in another order for another batch or memory layout.
    return all(
        bool((map_ - other).abs().max() <= tolerance * other.abs().max() + 1e-7)
        for map_, other in zip(maps, others, strict=True)
    )


def require_close(maps: Maps, others: Maps, who: object, message: str) -> None:
    """Require that maps are close; the message names the first that is not."""
    for i, (map_, other) in enumerate(zip(maps, others, strict=True)):
        error = float((map_ - other).abs().max())
        require(close([map_], [other]), who, f"{message} Map {i} differs by {error}.")


def check_parameters_stored(recipe: Recipe) -> None:
    """Check that the constructor only stores, and nothing that learns."""
    with reported(recipe, "get_params"):
        parameters = recipe.get_params(deep=False)
    for name, value in parameters.items():
        require(
            not isinstance(value, nn.Module | Tensor),
            recipe,
            f"the parameter {name!r} holds a {type(value).__name__}. clone copies its "
            "numbers, and what one fold learned would travel to the next. Store what "
            "`build` needs to make it instead.",
        )
    # Values of no sensible type show whether the constructor looks at them.
    given = {name: object() for name in parameters}
    with reported(recipe, "the constructor, which must only store,"):
        fresh = type(recipe)(**given)
    for name, value in given.items():
        require(
            getattr(fresh, name, None) is value,
            recipe,
            f"the constructor must store {name!r} as it is, without change or check.",
        )
    extra = sorted(set(vars(fresh)) - set(given))
    require(
        not extra,
        recipe,
        f"the constructor must only store its parameters, it also set {extra}.",
    )


def check_clone(recipe: Recipe) -> None:
    """Check that a clone, and a recipe of the same parameters, are equal."""
    with reported(recipe, "sklearn.base.clone"):
        copy = clone(recipe)
    anew = type(recipe)(**recipe.get_params(deep=False))
    for name, other in (("clone", copy), ("get_params", anew)):
        require(
            repr(other) == repr(recipe),
            recipe,
            f"{name} must give an equal recipe, gave {other!r}.",
        )


def check_fresh_modules(recipe: Recipe, build: Callable[[Any], nn.Module]) -> None:
    """Check that two builds share nothing and leave the recipe as it was."""
    fresh = clone(recipe)
    before = _state(fresh)
    first, second = build(fresh), build(fresh)
    require(_state(fresh) == before, recipe, "build must not change the recipe.")
    shared = {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}
    require(
        first is not second and not shared,
        recipe,
        "two builds must not share a module or a parameter.",
    )


def _state(recipe: Recipe) -> tuple[str, dict[str, int]]:
    return repr(recipe), {name: id(value) for name, value in vars(recipe).items()}


def check_module(module: Any, who: object) -> None:
    """Check that what was built is a module with levels, from fine to coarse."""
    levels: Any = getattr(module, "levels", None)
    require(
        isinstance(module, nn.Module)
        and isinstance(levels, tuple)
        and len(levels) > 0
        and all(isinstance(level, Level) for level in levels),
        who,
        "build must return a torch.nn.Module whose `levels` is a tuple of at least one "
        f"Level, got {type(module).__name__} with levels={levels!r}.",
    )
    strides = [level.stride for level in levels]
    require(
        strides == sorted(strides) and strides[0] > 0,
        who,
        f"strides of `levels` must be positive and never decrease, got {strides}.",
    )


def check_state_dict(
    build: Callable[[], nn.Module], answer: Callable[[Any], Maps], who: object
) -> None:
    """Check that a state dict carries all that was learned to another build."""
    first, second = build(), build()
    with torch.no_grad():
        answer(first.train())  # moves what is learned without a gradient
        expected = answer(first.eval())
        with reported(who, "load_state_dict of another build's state_dict"):
            second.load_state_dict(first.state_dict())
        require_close(
            answer(second),
            expected,
            who,
            "a module with another one's state_dict must give the same maps.",
        )
