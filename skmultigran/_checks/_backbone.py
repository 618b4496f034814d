"""The promises of a backbone, each as a check."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from sklearn.base import clone
from torch import Tensor

from skmultigran._checks._recipes import (
    check_clone,
    check_fresh_modules,
    check_module,
    check_parameters_stored,
    check_state_dict,
    reported,
    require,
    require_close,
)
from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES
from skmultigran.backbones import Backbone, BackboneRecipe

_TYPICAL_SIZE = (32, 32)
_SIZES = ((32, 32), (33, 31), (7, 9), (5, 3), (1, 1))
_CHANNELS = (1, 3, 5)


def check_backbone(backbone: str | Recipe) -> None:
    """Check that a backbone fulfils the contract of `BackboneRecipe` and `Backbone`.

    For your own backbones: a recipe that passes works in every estimator.

    Parameters
    ----------
    backbone : str or BackboneRecipe
        A registered name or a recipe.

    Raises
    ------
    AssertionError
        If a requirement is violated; the message says which one, and how.
    ValueError
        If no backbone has this name.
    TypeError
        If `backbone` is neither a name nor a recipe of a backbone.

    Notes
    -----
    The recipe only stores its parameters, none of which is a module or a tensor,
    survives `clone`, and describes its levels without building. Each `build` returns a
    fresh module. For images of 1, 3 and 5 channels and of sizes down to one pixel, the
    module returns a list of float32 maps, fine to coarse, of the described channels and
    of size `ceil(size / stride)`; it propagates gradients to the image and does not
    change the image. In eval mode the maps of an image depend on that image only, not
    on the rest of the batch, random numbers or memory layout, and `next_level` returns
    the same maps one by one. The state dict contains everything learned, and can be
    loaded into the result of `skeleton`. Where `parts` does not raise, the parts hold
    every parameter exactly once.

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


def _build(
    recipe: BackboneRecipe,
    in_channels: int = 3,
    image_size: tuple[int, int] = _TYPICAL_SIZE,
) -> Backbone:
    with reported(recipe, f"build({in_channels}, {image_size})"):
        module = recipe.build(in_channels, image_size)
    check_module(module, recipe)
    return module.eval()


def _images(channels: int = 3, size: tuple[int, int] = _TYPICAL_SIZE) -> Tensor:
    return torch.rand(2, channels, *size)


def _maps(recipe: BackboneRecipe, module: Backbone, images: Tensor) -> list[Tensor]:
    with reported(recipe, f"forward of images of shape {tuple(images.shape)}"):
        return module(images)


def _described(
    recipe: BackboneRecipe,
    in_channels: int = 3,
    image_size: tuple[int, int] = _TYPICAL_SIZE,
) -> tuple[Level, ...]:
    with reported(recipe, f"levels({in_channels}, {image_size})"):
        return recipe.levels(in_channels, image_size)


def _check_clone(recipe: BackboneRecipe) -> None:
    check_clone(recipe)
    levels = _described(clone(recipe))
    require(levels == _described(recipe), recipe, "its clone has other levels.")


def _check_fresh_modules(recipe: BackboneRecipe) -> None:
    def described_and_built(fresh: BackboneRecipe) -> Backbone:
        _described(fresh)
        return _build(fresh)

    check_fresh_modules(recipe, described_and_built)


def _check_described_levels(recipe: BackboneRecipe) -> None:
    cases = {(3, size) for size in _SIZES} | {(n, _TYPICAL_SIZE) for n in _CHANNELS}
    for in_channels, size in sorted(cases):
        described = _described(recipe, in_channels, size)
        built = _build(recipe, in_channels, size).levels
        require(
            built == described,
            recipe,
            f"levels({in_channels}, {size}) are {described}, the built module's levels "
            f"are {built}.",
        )


def _check_maps(recipe: BackboneRecipe) -> None:
    for in_channels in _CHANNELS:
        module = _build(recipe, in_channels)
        for size in _SIZES:
            with torch.no_grad():
                maps = _maps(recipe, module, _images(in_channels, size))
            require(
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
    require(
        shape == expected, recipe, f"{what} must have shape {expected}, got {shape}."
    )
    require(
        map_.dtype == torch.float32,
        recipe,
        f"{what} must be float32, got {map_.dtype}.",
    )
    require(
        bool(torch.isfinite(map_).all()),
        recipe,
        f"{what} has values that are not finite.",
    )


def _check_state_dict(recipe: BackboneRecipe) -> None:
    images = _images()
    check_state_dict(
        lambda: _build(recipe), lambda module: _maps(recipe, module, images), recipe
    )


def _check_skeleton(recipe: BackboneRecipe) -> None:
    built = _build(recipe)
    with reported(recipe, f"skeleton(3, {_TYPICAL_SIZE})"):
        skeleton = recipe.skeleton(3, _TYPICAL_SIZE).eval()
    require(
        skeleton.levels == built.levels
        and getattr(skeleton, "normalisation", None)
        == getattr(built, "normalisation", None),
        recipe,
        "skeleton must have the levels and the normalisation that build gives.",
    )
    images = _images()
    with torch.no_grad():
        with reported(recipe, "loading build's state_dict into the skeleton"):
            skeleton.load_state_dict(built.state_dict())
        require_close(
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
    require(
        sorted(held) == sorted(own),
        recipe,
        f"its parts must hold each of its {len(own)} parameters exactly once; they "
        f"hold {len(held)}, {len(set(held) & set(own))} of them distinct and its own.",
    )


def _check_gradient(recipe: BackboneRecipe) -> None:
    module = _build(recipe).train()
    images = _images().requires_grad_()
    for i, map_ in enumerate(_maps(recipe, module, images)):
        require(
            map_.requires_grad, recipe, f"level {i} lets no gradient reach the image."
        )
        # A plain sum would not do: the sum over a normalised batch is constant.
        loss = (map_ * torch.randn_like(map_)).sum()
        (gradient,) = torch.autograd.grad(
            loss, images, retain_graph=True, allow_unused=True
        )
        require(
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
            require(
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
        require(
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
            require_close(
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
        with reported(recipe, action):
            carried: tuple[Tensor, ...] = (images,)
            found = []
            for position in range(len(module.levels)):
                map_, carried = module.next_level(position, carried, _TYPICAL_SIZE)
                found.append(map_)
                # Only some images go on: here the last one.
                carried = tuple(part[-1:] for part in carried)
    require_close(
        found,
        [expected[0], *(map_[-1:] for map_ in expected[1:])],
        recipe,
        "next_level must give the maps of forward, of whichever images are handed on.",
    )


def _check_channels_last(recipe: BackboneRecipe) -> None:
    module, images = _build(recipe), _images()
    with torch.no_grad():
        require_close(
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
        with reported(recipe, "reading `normalisation` as (mean, std)"):
            lengths = [len(values) for values in normalisation]
        require(
            len(lengths) == 2 and all(n in (1, in_channels) for n in lengths),
            recipe,
            f"normalisation must be None or (mean, std) of 1 or {in_channels} values "
            f"each for {in_channels} channels, got {normalisation!r}.",
        )
        require(
            all(std > 0 for std in normalisation[1]),
            recipe,
            f"standard deviations must be positive, got {normalisation[1]!r}.",
        )


_CHECKS: tuple[Callable[[BackboneRecipe], None], ...] = (
    check_parameters_stored,
    _check_clone,
    _check_fresh_modules,
    _check_described_levels,
    _check_maps,
    _check_image_unchanged,
    _check_eval_determinism,
    _check_batch_independence,
    _check_next_level,
    _check_channels_last,
    _check_state_dict,
    _check_skeleton,
    _check_parts,
    _check_gradient,
    _check_normalisation,
)
