"""The promises of a fusion, each as a check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from skmultigran._checks._recipes import (
    check_clone,
    check_fresh_modules,
    check_module,
    check_parameters_stored,
    check_state_dict,
    close,
    reported,
    require,
    require_close,
)
from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran._registry import FUSIONS
from skmultigran.fusions import Fusion, FusionRecipe

# Odd sizes, a fractional stride, equal strides and, at the coarse end, a single pixel.
_IMAGE_SIZE = (37, 22)
_LEVELS = (
    Level(3, 2),
    Level(5, 4),
    Level(4, 4),
    Level(6, 6.4),
    Level(8, 16),
    Level(7, 64),
)
_GRIDS = (1, 2)
_BATCH = 4


def check_fusion(fusion: str | Recipe) -> None:
    """Check that a fusion fulfils the contract of `FusionRecipe` and `Fusion`.

    For your own fusions: a recipe that passes works in every estimator.

    Parameters
    ----------
    fusion : str or FusionRecipe
        A registered name or a recipe.

    Raises
    ------
    AssertionError
        If a requirement is violated; the message says which one, for which maps, and
        how.
    ValueError
        If no fusion has this name.
    TypeError
        If `fusion` is neither a name nor a recipe of a fusion.

    Notes
    -----
    The recipe only stores its parameters, none of which is a module or a tensor, and
    survives `clone`; each `build` returns a fresh module. Built for 1 to 6
    granularities of different channels, the module returns a list of float32 maps, fine
    to coarse, of the described channels and of size `ceil(size / stride)`. It uses
    every granularity and propagates gradients to each, and to each of its parameters.
    It changes neither the input maps nor their list. In eval mode the maps of an image
    depend on that image only, not on the rest of the batch or on random numbers. The
    state dict contains everything learned. With `spatial = False` all of this also
    holds for granularities pooled to small grids. If the module has
    `granularity_weights(maps)`, each row has one weight per granularity and sums to
    one.

    Examples
    --------
    >>> from skmultigran import SumFusion
    >>> from skmultigran.estimator_checks import check_fusion
    >>> check_fusion(SumFusion(channels=8))
    """
    # The registry has refused what derives from another base.
    recipe = cast(FusionRecipe, FUSIONS.recipe(fusion))
    # The user's random numbers go on as if nothing had been checked.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for check in _RECIPE_CHECKS:
            check(recipe)
        for case in _cases(recipe):
            for check_case in _CASE_CHECKS:
                check_case(case)


@dataclass(frozen=True)
class _Case:
    """A recipe, and the maps that it is tried on."""

    recipe: FusionRecipe
    levels: tuple[Level, ...]
    grid: int | None

    def __str__(self) -> str:
        kind = "maps" if self.grid is None else f"{self.grid} x {self.grid} grids"
        return f"{self.recipe!r} on {kind} of {len(self.levels)} granularities"

    def size(self, level: Level) -> tuple[int, int]:
        if self.grid is None:
            return level.map_size(_IMAGE_SIZE)
        return self.grid, self.grid

    def maps(self) -> list[Tensor]:
        return [
            torch.randn(_BATCH, level.channels, *self.size(level))
            for level in self.levels
        ]

    def build(self) -> Fusion:
        """Return a module in eval mode, as it may be after some training."""
        with reported(self, "build"):
            module = self.recipe.build(self.levels)
        check_module(module, self)
        with torch.no_grad():
            # Gates may start at zero and hide what they let through later.
            for parameter in module.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
        return module.eval()

    def fuse(self, module: Fusion, maps: list[Tensor]) -> list[Tensor]:
        with reported(self, "forward"):
            return module(maps)

    def require(self, condition: bool, message: str) -> None:
        require(condition, self, message)


def _cases(recipe: FusionRecipe) -> Iterator[_Case]:
    for grid in (None,) if recipe.spatial else (None, *_GRIDS):
        for count in range(1, len(_LEVELS) + 1):
            yield _Case(recipe, _LEVELS[:count], grid)


def _check_spatial(recipe: FusionRecipe) -> None:
    require(
        isinstance(recipe.spatial, bool),
        recipe,
        f"`spatial` must be True or False, got {recipe.spatial!r}.",
    )


def _check_fresh_modules(recipe: FusionRecipe) -> None:
    check_fresh_modules(recipe, lambda fresh: _Case(fresh, _LEVELS[:2], None).build())


def _check_described_maps(case: _Case) -> None:
    module = case.build()
    for training in (True, False):
        with torch.no_grad():
            fused = case.fuse(module.train(training), case.maps())
        case.require(
            isinstance(fused, list) and len(fused) == len(module.levels),
            f"forward must return a list of one map for each of {module.levels}, got "
            f"{_described(fused)}.",
        )
        for i, (map_, level) in enumerate(zip(fused, module.levels, strict=True)):
            expected = _BATCH, level.channels, *case.size(level)
            case.require(
                tuple(map_.shape) == expected and map_.dtype == torch.float32,
                f"output {i} must be float32 of shape {expected}, as its {level} says, "
                f"got {map_.dtype} of shape {tuple(map_.shape)}.",
            )
            case.require(
                bool(torch.isfinite(map_).all()), f"output {i} must be finite."
            )


def _described(value: object) -> str:
    length = f" of {len(value)}" if isinstance(value, list | tuple) else ""
    return f"a {type(value).__name__}{length}"


def _check_inputs_unchanged(case: _Case) -> None:
    module, maps = case.build(), case.maps()
    given, before = list(maps), [map_.clone() for map_ in maps]
    for training in (True, False):
        with torch.no_grad():
            case.fuse(module.train(training), maps)
        case.require(
            len(maps) == len(given)
            and all(a is b for a, b in zip(maps, given, strict=True)),
            "forward must leave the list of maps that comes in as it was.",
        )
        for i, (map_, kept) in enumerate(zip(maps, before, strict=True)):
            case.require(
                torch.equal(map_, kept),
                f"forward must not write to the maps that come in, it wrote to map {i} "
                f"(training={training}).",
            )


def _check_reads_each_granularity(case: _Case) -> None:
    module, maps = case.build(), case.maps()
    with torch.no_grad():
        fused = case.fuse(module, maps)
        for i, map_ in enumerate(maps):
            without = [*maps[:i], torch.zeros_like(map_), *maps[i + 1 :]]
            case.require(
                not close(case.fuse(module, without), fused, tolerance=1e-6),
                f"granularity {i} must matter, but nothing changes when it is zero.",
            )


def _check_gradients(case: _Case) -> None:
    module = case.build()
    for i, map_ in enumerate(_after_backward(case, module)):
        case.require(
            _reached(map_),
            f"a finite gradient other than zero must reach granularity {i}.",
        )
    missed = [name for name, p in module.named_parameters() if not _reached(p)]
    # With one granularity, a gate that shares out among them has nothing to share.
    case.require(
        not missed or len(case.levels) == 1,
        "a finite gradient other than zero must reach every parameter, but misses "
        f"{missed}.",
    )


def _check_training_gradients(case: _Case) -> None:
    # Only finite: the statistics of a batch of single pixels hold gradients back.
    for i, map_ in enumerate(_after_backward(case, case.build().train())):
        case.require(
            map_.grad is not None and bool(torch.isfinite(map_.grad).all()),
            f"in train mode a finite gradient must reach granularity {i}.",
        )


def _after_backward(case: _Case, module: Fusion) -> list[Tensor]:
    """Return maps with the gradient of a random sum of the module's output."""
    maps = [map_.requires_grad_() for map_ in case.maps()]
    fused = case.fuse(module, list(maps))
    # A plain sum would not do: the sum over a normalised map is constant.
    loss = torch.stack([(map_ * torch.randn_like(map_)).sum() for map_ in fused]).sum()
    case.require(loss.requires_grad, "forward must let gradients through.")
    with reported(case, "backward"):
        loss.backward()
    return maps


def _reached(tensor: Tensor) -> bool:
    gradient = tensor.grad
    return (
        gradient is not None
        and bool(torch.isfinite(gradient).all())
        and int(gradient.count_nonzero()) > 0
    )


def _check_batch_independence(case: _Case) -> None:
    module, maps = case.build(), case.maps()
    # One image is much brighter, so that statistics of the batch would show.
    for map_ in maps:
        map_[1] *= 10
    with torch.no_grad():
        together = case.fuse(module, maps)
        for row in range(2):
            alone = case.fuse(module, [map_[row : row + 1] for map_ in maps])
            require_close(
                [map_[row : row + 1] for map_ in together],
                alone,
                case,
                "in eval mode an image's maps must not depend on its batch.",
            )


def _check_eval_determinism(case: _Case) -> None:
    module, maps = case.build(), case.maps()
    with torch.no_grad():
        first = [map_.clone() for map_ in case.fuse(module, maps)]
        case.require(
            close(case.fuse(module, maps), first, tolerance=1e-6),
            "in eval mode the same maps must give the same output each time.",
        )


def _check_state_dict(case: _Case) -> None:
    maps = case.maps()
    check_state_dict(case.build, lambda module: case.fuse(module, maps), case)


def _check_granularity_weights(case: _Case) -> None:
    module, maps = case.build(), case.maps()
    granularity_weights = getattr(module, "granularity_weights", None)
    if granularity_weights is None:
        return
    with torch.no_grad(), reported(case, "granularity_weights"):
        weights = granularity_weights(maps)
    expected = _BATCH, len(maps)
    case.require(
        tuple(weights.shape) == expected,
        f"granularity_weights must have shape {expected}, got {tuple(weights.shape)}.",
    )
    case.require(
        bool((weights >= 0).all())
        and bool(torch.isclose(weights.sum(dim=1), torch.ones(()), atol=1e-3).all()),
        "rows of granularity_weights must be shares, not negative and with sum one, "
        f"got {weights.tolist()}.",
    )


_RECIPE_CHECKS: tuple[Callable[[FusionRecipe], None], ...] = (
    check_parameters_stored,
    check_clone,
    _check_spatial,
    _check_fresh_modules,
)
_CASE_CHECKS: tuple[Callable[[_Case], None], ...] = (
    _check_described_maps,
    _check_inputs_unchanged,
    _check_reads_each_granularity,
    _check_gradients,
    _check_training_gradients,
    _check_batch_independence,
    _check_eval_determinism,
    _check_state_dict,
    _check_granularity_weights,
)
