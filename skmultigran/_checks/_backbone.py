"""The promises of a backbone, each as a check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from sklearn.base import clone
from torch import Tensor

from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES
from skmultigran.backbones import Backbone, BackboneRecipe

_TYPICAL_SIZE = (32, 32)
_SIZES = ((32, 32), (33, 31), (7, 9), (5, 3), (1, 1))
_CHANNELS = (1, 3, 5)


def check_backbone(backbone: str | Recipe) -> None:
    """Check that a backbone keeps every promise of `BackboneRecipe` and `Backbone`.

    For your own backbones: a recipe that passes works in every estimator.

    Parameters
    ----------
    backbone : str or BackboneRecipe
        A registered name or a recipe.

    Raises
    ------
    AssertionError
        If a promise is broken; the message says which one, and by what.
    ValueError
        If no backbone has this name.
    TypeError
        If `backbone` is neither a name nor a recipe of a backbone.

    Notes
    -----
    The recipe only stores its parameters, survives `clone`, and describes its levels
    without building. Each `build` gives a fresh module. For images of 1, 3 and 5
    channels and of sizes down to one pixel, the module returns a list of float32 maps,
    fine to coarse, of the described channels and of size `ceil(size / stride)`; it
    lets a gradient through to the image and leaves the image as it was. In eval mode an
    image's maps depend on that image only, not on the rest of the batch, chance or
    memory layout, and `next_level` gives the same maps one by one. A state dict carries
    all that was learned, to what `skeleton` builds, too. Where `parts` does not raise,
    the parts hold every parameter exactly once.

    Examples
    --------
    >>> from skmultigran import ConvNetBackbone
    >>> from skmultigran.estimator_checks import check_backbone
    >>> check_backbone(ConvNetBackbone(widths=(8, 16)))
    """
    # The registry has refused what derives from another base.
    recipe = cast(BackboneRecipe, BACKBONES.recipe(backbone))
    for check in _CHECKS:
        # The user's random numbers go on as if nothing had been checked.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            check(recipe)


def _broken(recipe: BackboneRecipe, message: str) -> AssertionError:
    try:
        name = repr(recipe)
    except AttributeError:  # a parameter is not stored
        name = type(recipe).__name__
    return AssertionError(f"{name} breaks a promise of backbones: {message}")


def _require(condition: bool, recipe: BackboneRecipe, message: str) -> None:
    # Not an assert statement: those vanish under `python -O`.
    if not condition:
        raise _broken(recipe, message)


@contextmanager
def _reported(recipe: BackboneRecipe, action: str) -> Iterator[None]:
    """Turn any exception into an assertion that says what was being done."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        message = f"{action} raised {type(error).__name__}: {error}"
        raise _broken(recipe, message) from error


def _build(
    recipe: BackboneRecipe,
    in_channels: int = 3,
    image_size: tuple[int, int] = _TYPICAL_SIZE,
) -> Backbone:
    with _reported(recipe, f"build({in_channels}, {image_size})"):
        module = recipe.build(in_channels, image_size)
    _require(
        isinstance(module, torch.nn.Module) and hasattr(module, "levels"),
        recipe,
        f"build must return a torch.nn.Module with `levels`, got {module!r}.",
    )
    return module.eval()


def _images(channels: int = 3, size: tuple[int, int] = _TYPICAL_SIZE) -> Tensor:
    return torch.rand(2, channels, *size)


def _maps(recipe: BackboneRecipe, module: Backbone, images: Tensor) -> list[Tensor]:
    with _reported(recipe, f"forward of images of shape {tuple(images.shape)}"):
        return module(images)


def _require_close(
    maps: list[Tensor], others: list[Tensor], recipe: BackboneRecipe, message: str
) -> None:
    for i, (map_, other) in enumerate(zip(maps, others, strict=True)):
        # Convolutions add in another order for another batch or memory layout.
        tolerance = 1e-4 * float(map_.abs().max()) + 1e-7
        error = float((map_ - other).abs().max())
        _require(error <= tolerance, recipe, f"{message} Level {i} differs by {error}.")


def _check_parameters_stored(recipe: BackboneRecipe) -> None:
    with _reported(recipe, "building the recipe anew from get_params"):
        parameters = recipe.get_params(deep=False)
        fresh = type(recipe)(**parameters)
        stored = fresh.get_params(deep=False)
    for name, value in parameters.items():
        _require(
            stored[name] is value,
            recipe,
            f"the constructor must store {name!r} as it is, without change or check.",
        )
    extra = sorted(set(vars(fresh)) - set(parameters))
    _require(
        not extra, recipe, f"the constructor must only store parameters, set {extra}."
    )


def _check_clone(recipe: BackboneRecipe) -> None:
    with _reported(recipe, "sklearn.base.clone"):
        copy = clone(recipe)
    _require(
        repr(copy) == repr(recipe), recipe, f"its clone has another repr, {copy!r}."
    )
    _require(
        copy.get_params().keys() == recipe.get_params().keys(),
        recipe,
        "its clone has other parameters.",
    )
    _require(
        _described(copy) == _described(recipe), recipe, "its clone has other levels."
    )


def _described(
    recipe: BackboneRecipe,
    in_channels: int = 3,
    image_size: tuple[int, int] = _TYPICAL_SIZE,
) -> tuple[Level, ...]:
    with _reported(recipe, f"levels({in_channels}, {image_size})"):
        return recipe.levels(in_channels, image_size)


def _check_build_keeps_recipe(recipe: BackboneRecipe) -> None:
    fresh = clone(recipe)
    before = repr(fresh), set(vars(fresh))
    _build(fresh)
    _described(fresh)
    _require(
        (repr(fresh), set(vars(fresh))) == before,
        recipe,
        "build and levels must not change the recipe.",
    )


def _check_described_levels(recipe: BackboneRecipe) -> None:
    cases = {(3, size) for size in _SIZES} | {(n, _TYPICAL_SIZE) for n in _CHANNELS}
    for in_channels, size in sorted(cases):
        described = _described(recipe, in_channels, size)
        built = _build(recipe, in_channels, size).levels
        _require(
            built == described,
            recipe,
            f"levels({in_channels}, {size}) are {described}, the built module's levels "
            f"are {built}.",
        )
        _check_pyramid(recipe, built)


def _check_pyramid(recipe: BackboneRecipe, levels: tuple[Level, ...]) -> None:
    _require(
        isinstance(levels, tuple)
        and len(levels) > 0
        and all(isinstance(level, Level) for level in levels),
        recipe,
        f"levels must be a tuple of at least one Level, got {levels!r}.",
    )
    strides = [level.stride for level in levels]
    _require(
        strides == sorted(strides) and strides[0] > 0,
        recipe,
        f"strides must be positive and never decrease, got {strides}.",
    )


def _check_maps(recipe: BackboneRecipe) -> None:
    for in_channels in _CHANNELS:
        module = _build(recipe, in_channels)
        for size in _SIZES:
            with torch.no_grad():
                maps = _maps(recipe, module, _images(in_channels, size))
            _require(
                isinstance(maps, list) and len(maps) == len(module.levels),
                recipe,
                f"forward must return a list of {len(module.levels)} maps.",
            )
            for i, (map_, level) in enumerate(zip(maps, module.levels, strict=True)):
                what = f"level {i}, {level}, of 2 images of size {size}"
                expected = (2, level.channels, *level.map_size(size))
                _check_map(recipe, what, map_, expected)


def _check_map(
    recipe: BackboneRecipe, what: str, map_: Tensor, expected: tuple[int, ...]
) -> None:
    shape = tuple(map_.shape)
    _require(
        shape == expected, recipe, f"{what} must have shape {expected}, got {shape}."
    )
    _require(
        map_.dtype == torch.float32,
        recipe,
        f"{what} must be float32, got {map_.dtype}.",
    )
    _require(
        bool(torch.isfinite(map_).all()),
        recipe,
        f"{what} has values that are not finite.",
    )


def _check_fresh_modules(recipe: BackboneRecipe) -> None:
    first, second = _build(recipe), _build(recipe)
    _require(first is not second, recipe, "two builds must not be the same module.")
    shared = {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}
    _require(not shared, recipe, "two builds must not share a parameter.")


def _check_state_dict(recipe: BackboneRecipe) -> None:
    first, second = _build(recipe), _build(recipe)
    images = _images()
    with torch.no_grad():
        first.train()(images)  # moves what is learned without a gradient
        expected = _maps(recipe, first.eval(), images)
        with _reported(recipe, "load_state_dict of another build's state_dict"):
            second.load_state_dict(first.state_dict())
        _require_close(
            _maps(recipe, second, images),
            expected,
            recipe,
            "a module with another one's state_dict must give the same maps.",
        )


def _check_skeleton(recipe: BackboneRecipe) -> None:
    built = _build(recipe)
    with _reported(recipe, f"skeleton(3, {_TYPICAL_SIZE})"):
        skeleton = recipe.skeleton(3, _TYPICAL_SIZE).eval()
    _require(
        skeleton.levels == built.levels
        and getattr(skeleton, "normalisation", None)
        == getattr(built, "normalisation", None),
        recipe,
        "skeleton must have the levels and the normalisation that build gives.",
    )
    images = _images()
    with torch.no_grad():
        with _reported(recipe, "loading build's state_dict into the skeleton"):
            skeleton.load_state_dict(built.state_dict())
        _require_close(
            _maps(recipe, skeleton, images),
            _maps(recipe, built, images),
            recipe,
            "the skeleton with build's state_dict must give the same maps.",
        )


def _check_parts(recipe: BackboneRecipe) -> None:
    module = _build(recipe)
    try:
        parts = module.parts()
    except ValueError:  # it has no order of parts, and says so
        return
    held = [id(parameter) for part in parts for parameter in part.parameters()]
    own = [id(parameter) for parameter in module.parameters()]
    _require(
        sorted(held) == sorted(own),
        recipe,
        f"its parts must hold each of its {len(own)} parameters exactly once; they "
        f"hold {len(held)}, {len(set(held) & set(own))} of them distinct and its own.",
    )


def _check_gradient(recipe: BackboneRecipe) -> None:
    module = _build(recipe).train()
    images = _images().requires_grad_()
    for i, map_ in enumerate(_maps(recipe, module, images)):
        _require(
            map_.requires_grad, recipe, f"level {i} lets no gradient reach the image."
        )
        # A plain sum would not do: the sum over a normalised batch is constant.
        loss = (map_ * torch.randn_like(map_)).sum()
        (gradient,) = torch.autograd.grad(
            loss, images, retain_graph=True, allow_unused=True
        )
        _require(
            gradient is not None
            and bool(torch.isfinite(gradient).all())
            and bool(gradient.abs().sum() > 0),
            recipe,
            f"level {i} lets no finite gradient other than zero reach the image.",
        )


def _check_image_unchanged(recipe: BackboneRecipe) -> None:
    module = _build(recipe)
    for training in (True, False):
        for size in _SIZES[:-1]:
            images = _images(3, size)
            before = images.clone()
            with torch.no_grad():
                _maps(recipe, module.train(training), images)
            _require(
                torch.equal(images, before),
                recipe,
                f"forward must not write to its images (training={training}).",
            )


def _check_eval_determinism(recipe: BackboneRecipe) -> None:
    module, images = _build(recipe), _images()
    with torch.no_grad():
        first = _maps(recipe, module, images)
        copies = [map_.clone() for map_ in first]
        second = _maps(recipe, module, images)
    for i, (map_, other) in enumerate(zip(copies, second, strict=True)):
        _require(
            torch.equal(map_, other),
            recipe,
            f"in eval mode the same images must give the same maps; level {i} differs "
            "from one call to the next.",
        )


def _check_batch_independence(recipe: BackboneRecipe) -> None:
    module, images = _build(recipe), _images()
    # Images of very different brightness, so that statistics of a batch would show.
    images[1] *= 10
    with torch.no_grad():
        together = _maps(recipe, module, images)
        for row in range(2):
            alone = _maps(recipe, module, images[row : row + 1])
            _require_close(
                [map_[row : row + 1] for map_ in together],
                alone,
                recipe,
                "in eval mode an image's maps must not depend on its batch.",
            )


def _check_next_level(recipe: BackboneRecipe) -> None:
    module, images = _build(recipe), _images()
    if not isinstance(module, Backbone):
        return  # such a module can't stop between its levels, and need not
    action = "next_level, asked for all levels in order,"
    with torch.no_grad():
        expected = _maps(recipe, module, images)
        with _reported(recipe, action):
            carried: tuple[Tensor, ...] = (images,)
            found = []
            for position in range(len(module.levels)):
                map_, carried = module.next_level(position, carried, _TYPICAL_SIZE)
                found.append(map_)
                # Only some images go on: here the last one.
                carried = tuple(part[-1:] for part in carried)
    _require_close(
        found,
        [expected[0], *(map_[-1:] for map_ in expected[1:])],
        recipe,
        "next_level must give the maps of forward, of whichever images are handed on.",
    )


def _check_channels_last(recipe: BackboneRecipe) -> None:
    module, images = _build(recipe), _images()
    with torch.no_grad():
        _require_close(
            _maps(recipe, module, images.contiguous(memory_format=torch.channels_last)),
            _maps(recipe, module, images),
            recipe,
            "channels_last images must give the same maps.",
        )


def _check_normalisation(recipe: BackboneRecipe) -> None:
    for in_channels in _CHANNELS:
        normalisation = getattr(_build(recipe, in_channels), "normalisation", None)
        if normalisation is None:
            continue
        with _reported(recipe, "reading `normalisation` as (mean, std)"):
            lengths = [len(values) for values in normalisation]
        _require(
            len(lengths) == 2 and all(n in (1, in_channels) for n in lengths),
            recipe,
            f"normalisation must be None or (mean, std) of 1 or {in_channels} values "
            f"each for {in_channels} channels, got {normalisation!r}.",
        )
        _require(
            all(std > 0 for std in normalisation[1]),
            recipe,
            f"standard deviations must be positive, got {normalisation[1]!r}.",
        )


_CHECKS: tuple[Callable[[BackboneRecipe], None], ...] = (
    _check_parameters_stored,
    _check_clone,
    _check_build_keeps_recipe,
    _check_described_levels,
    _check_maps,
    _check_image_unchanged,
    _check_eval_determinism,
    _check_batch_independence,
    _check_next_level,
    _check_channels_last,
    _check_fresh_modules,
    _check_state_dict,
    _check_skeleton,
    _check_parts,
    _check_gradient,
    _check_normalisation,
)
