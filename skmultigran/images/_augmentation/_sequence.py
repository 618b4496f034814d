"""Several random changes in a row, by name or given as transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Generator, Tensor

from skmultigran.images._augmentation._color import color
from skmultigran.images._augmentation._erasing import erase
from skmultigran.images._augmentation._geometry import affine, crop, flip, shift
from skmultigran.images._augmentation._transforms import apply_transform

Transform = Callable[[Tensor], Tensor]
Step = str | Transform

_STEPS: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "affine": affine,
    "shift": shift,
    "flip": flip,
    "crop": crop,
    "color": color,
    "erase": erase,
}
_PRESETS: dict[str, tuple[str, ...]] = {
    "standard": ("affine", "flip"),
    "strong": ("crop", "flip", "color", "erase"),
}


class Augmentation:
    """Random changes of training images.

    Parameters
    ----------
    augment : str, callable, list of str and callables, or None
        "affine": each image is turned by up to 10 degrees, zoomed by up to a tenth,
        moved by up to a fourteenth of its size, and filled with the median of its
        border. "shift": moved by whole pixels, up to a fourteenth of its size but at
        least one, its border repeated. "flip": mirrored left to right with probability
        one half. "crop": a part of 0.6 to 1 of its area, its aspect changed by up to
        4/3, enlarged to the whole. "color": brightness, contrast and, of three
        channels, saturation changed by up to 0.3. "erase": with probability one half, a
        rectangle of 0.02 to 0.4 of its area filled with the median of its border (Zhong
        et al. 2020, "Random Erasing Data Augmentation", arXiv:1708.04896). "standard":
        affine and flip. "strong": crop, flip, color and erase. "auto": `automatic`,
        but nothing for images of a single line. A callable, such as a transform of
        `torchvision.transforms.v2`: given one image `(C, H, W)` at a time, float32 in
        [0, 1], and returning one of the same shape; what it draws from the global
        generators of torch, numpy and Python is seeded for each image. A list: several,
        in order.
    image_size : tuple of int
        `(height, width)` of the images.
    automatic : sequence of str, default=("affine",)
        What "auto" stands for.

    Raises
    ------
    ValueError
        If a name is unknown, or a class is given instead of a transform.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.images import Augmentation
    >>> augment = Augmentation("flip", (2, 2))
    >>> augment(torch.zeros(4, 1, 2, 2), torch.Generator().manual_seed(0)).shape
    torch.Size([4, 1, 2, 2])
    """

    def __init__(
        self,
        augment: Step | Sequence[Step] | None,
        image_size: tuple[int, int],
        *,
        automatic: Sequence[str] = ("affine",),
    ) -> None:
        self.steps = _steps(augment, image_size, automatic)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Return the changed images.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            A batch; it stays as it is.
        generator : torch.Generator
            Where the random numbers come from.

        Returns
        -------
        Tensor of shape (B, C, H, W)
            The changed batch.

        Raises
        ------
        ValueError
            If a transform fails, or returns what cannot take the image's place.
        """
        for step in self.steps:
            if isinstance(step, str):
                images = change(step, images, generator)
            else:
                images = apply_transform(step, images, generator)
        return images


def change(step: str, images: Tensor, generator: Generator) -> Tensor:
    """Return the images after one step of those that have a name."""
    return _STEPS[step](images, generator)


def _steps(
    augment: Step | Sequence[Step] | None,
    image_size: tuple[int, int],
    automatic: Sequence[str],
) -> tuple[Step, ...]:
    presets = _PRESETS | {"auto": () if min(image_size) == 1 else tuple(automatic)}
    steps: list[Step] = []
    for step in _as_tuple(augment):
        _check_step(augment, step)
        steps += presets.get(step, (step,)) if isinstance(step, str) else (step,)
    return tuple(steps)


def _as_tuple(augment: Step | Sequence[Step] | None) -> tuple[Step, ...]:
    # Some transforms are sequences as well, such as torch.nn.Sequential.
    if isinstance(augment, str) or callable(augment):
        return (augment,)
    return () if augment is None else tuple(augment)


def _check_step(augment: object, step: object) -> None:
    if isinstance(step, type):
        raise ValueError(
            f"augment has the class {step.__name__}, but needs a transform made of it. "
            f"Pass {step.__name__}(...) with its parameters."
        )
    known = ("auto", *_STEPS, *_PRESETS)
    if not callable(step) and not (isinstance(step, str) and step in known):
        raise ValueError(
            f"augment={augment!r} has the unknown step {step!r}. Known: "
            f"{', '.join(map(repr, known))}, a transform of torchvision.transforms.v2 "
            "or another callable, a list of these, or None."
        )
