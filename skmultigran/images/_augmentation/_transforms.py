"""Transforms that come from outside, such as torchvision's, image by image."""

from __future__ import annotations

import contextlib
import random
import textwrap
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Generator, Tensor

# How far values may leave the range of the images: noise does, normalisation goes on.
_SLACK = 0.5


def apply_transform(
    transform: Callable[[Tensor], Tensor], images: Tensor, generator: Generator
) -> Tensor:
    """Return the images, each changed by the transform under a seed of its own.

    torchvision's transforms draw from torch's global generator and a user's function
    from any; all of them are seeded for each image and put back as they were.
    """
    seeds = torch.randint(
        2**32, (len(images),), generator=generator, device=generator.device
    )
    changed = torch.empty_like(images)
    with global_generators_kept(), torch.no_grad():
        for i, seed in enumerate(seeds.tolist()):
            seed_global_generators(seed)
            changed[i] = _transformed(transform, images[i])
    check_range(transform, images, changed)
    return changed


@contextlib.contextmanager
def global_generators_kept() -> Iterator[None]:
    """Put the global generators of Python, numpy and torch back afterwards."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)


def seed_global_generators(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch."""
    random.seed(seed)
    np.random.seed(seed)
    # torch.manual_seed would seed accelerators too, where dropout draws from.
    torch.default_generator.manual_seed(seed)


def _transformed(transform: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    try:
        # A copy of its own, as some transforms change what they are given.
        result = transform(image.clone(memory_format=torch.contiguous_format))
    except Exception as error:
        raise ValueError(
            f"augment: {named(transform)} failed on an image of shape "
            f"{tuple(image.shape)} ({type(error).__name__}: {error}). A transform is "
            "given one image at a time, a float32 tensor (C, H, W) with values in "
            "[0, 1], and no labels. For one that needs uint8, put "
            "v2.ToDtype(torch.uint8, scale=True) before and "
            "v2.ToDtype(torch.float32, scale=True) after it in a v2.Compose."
        ) from error
    check_result(transform, image, result)
    return result


def check_result(transform: Callable, image: Tensor, result: object) -> None:
    """Refuse what is no image of the same shape."""
    if not isinstance(result, Tensor):
        raise ValueError(
            f"augment: {named(transform)} returned {type(result).__name__}, but must "
            "return a tensor (C, H, W). Leave conversions such as v2.ToPILImage out: "
            "images are tensors before and after."
        )
    if not result.is_floating_point():
        raise ValueError(
            f"augment: {named(transform)} returned values of {result.dtype}, but must "
            "return floats in [0, 1]. Put v2.ToDtype(torch.float32, scale=True) after "
            "it in a v2.Compose."
        )
    if result.shape != image.shape:
        raise ValueError(
            f"augment: {named(transform)} made an image of shape {tuple(result.shape)} "
            f"from one of {tuple(image.shape)}, but channels, height and width must "
            f"stay. {_advice(image, result)}"
        )


def _advice(image: Tensor, result: Tensor) -> str:
    if result.shape[:-2] != image.shape[:-2]:
        return "Make it return as many channels as it is given."
    return (
        f"Put v2.Resize({tuple(image.shape[-2:])}) after it in a v2.Compose; to train "
        "on another size, set image_size."
    )


def check_range(transform: Callable, images: Tensor, changed: Tensor) -> None:
    """Refuse what makes of training images something that prediction never sees."""
    low, high = min(0.0, images.min().item()), max(1.0, images.max().item())
    lowest, highest = changed.min().item(), changed.max().item()
    slack = _SLACK * (high - low)
    if not (lowest >= low - slack and highest <= high + slack):
        raise ValueError(
            f"augment: {named(transform)} made values from {lowest:.3g} to "
            f"{highest:.3g}, but they must stay near {low:.3g} to {high:.3g}, as they "
            "are in predict. Leave v2.Normalize out, as the network normalises images "
            "itself, and clip strong noise."
        )


def named(transform: Callable) -> str:
    """Return what a transform is called in messages."""
    name = getattr(transform, "__name__", None) or repr(transform)
    return textwrap.shorten(name, 100)
