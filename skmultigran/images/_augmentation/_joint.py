"""Random changes of images together with what belongs to them: masks or boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from skmultigran.images._augmentation._geometry import (
    affine_matrices,
    crop_matrices,
    flip_matrices,
    sampled,
    shift_matrices,
)
from skmultigran.images._augmentation._sequence import Augmentation, change
from skmultigran.images._augmentation._transforms import (
    check_range,
    check_result,
    global_generators_kept,
    named,
    seed_global_generators,
)

_DRAWS: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "affine": affine_matrices,
    "shift": shift_matrices,
    "flip": flip_matrices,
    "crop": crop_matrices,
}


class Annotations(Protocol):
    """What belongs to images, such as `Masks`."""

    def moved(self, batch: Tensor, matrices: Tensor) -> Tensor:
        """Return a batch moved as its images were."""

    def to_tv(self, annotation: Tensor, size: tuple[int, int]) -> Any:
        """Return one annotation as what transforms of torchvision know."""

    def from_tv(self, value: Any, like: Tensor) -> Tensor:
        """Return an annotation from what `to_tv` made, after a transform."""


class JointAugmentation(Augmentation):
    """Random changes of training images that move masks or boxes as well.

    Steps are those of `Augmentation`. What moves pixels is drawn once per image, and
    neighbouring moves are one sampling. Where an image has ended, its border is
    repeated. Transforms must be of `torchvision.transforms.v2`: other callables do not
    know of masks and boxes.

    Parameters
    ----------
    augment : str, transform, list of str and transforms, or None
        As in `Augmentation`.
    image_size : tuple of int
        `(height, width)` of the images.
    annotations : Masks or Boxes
        How what belongs to the images is moved.

    Raises
    ------
    ValueError
        If a name is unknown, or a callable is no transform of torchvision.

    Examples
    --------
    >>> import torch
    >>> from skmultigran.images import JointAugmentation, Masks
    >>> augment = JointAugmentation("flip", (2, 2), Masks([]))
    >>> images, masks = torch.zeros(1, 1, 2, 2), torch.tensor([[[0, 1], [0, 1]]])
    >>> augment.together(images, masks, torch.Generator().manual_seed(0))[1]
    tensor([[[1, 0],
             [1, 0]]])
    """

    def __init__(
        self, augment: Any, image_size: tuple[int, int], annotations: Annotations
    ) -> None:
        super().__init__(augment, image_size)
        self.annotations = annotations
        for step in self.steps:
            _check_knows_annotations(step)

    def together(
        self, images: Tensor, batch: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """Return changed images with what belongs to them.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            A batch; it stays as it is.
        batch : Tensor of shape (B, ...)
            Its masks or boxes.
        generator : torch.Generator
            Where the random numbers come from.

        Returns
        -------
        images : Tensor of shape (B, C, H, W)
            The changed images.
        batch : Tensor of shape (B, ...)
            The changed masks or boxes.

        Raises
        ------
        ValueError
            If a transform fails, or returns what cannot take the image's place.
        """
        pending = None
        for step in self.steps:
            if step in _DRAWS:
                drawn = _DRAWS[step](images, generator)
                pending = drawn if pending is None else _composed(pending, drawn)
                continue
            images, batch = self._moved(images, batch, pending)
            pending = None
            if isinstance(step, str):
                images = change(step, images, generator)
            else:
                images, batch = self._transformed(step, images, batch, generator)
        return self._moved(images, batch, pending)

    def _moved(
        self, images: Tensor, batch: Tensor, matrices: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        if matrices is None:
            return images, batch
        moved = sampled(images, matrices, padding="border")
        return moved, self.annotations.moved(batch, matrices)

    def _transformed(
        self, transform: Callable, images: Tensor, batch: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        seeds = torch.randint(2**32, (len(images),), generator=generator)
        changed, annotations = torch.empty_like(images), batch.clone()
        with global_generators_kept(), torch.no_grad():
            for i, seed in enumerate(seeds.tolist()):
                seed_global_generators(seed)
                changed[i], annotations[i] = self._one(transform, images[i], batch[i])
        check_range(transform, images, changed)
        return changed, annotations

    def _one(
        self, transform: Callable, image: Tensor, annotation: Tensor
    ) -> tuple[Tensor, Tensor]:
        from torchvision import tv_tensors

        size = image.shape[-2], image.shape[-1]
        inputs = tv_tensors.Image(image.clone(memory_format=torch.contiguous_format))
        try:
            result, moved = transform(inputs, self.annotations.to_tv(annotation, size))
        except Exception as error:
            raise ValueError(
                f"augment: {named(transform)} failed on an image of shape "
                f"{tuple(image.shape)} with its annotation ({type(error).__name__}: "
                f"{error}). Images are float32 tensors (C, H, W) with values in [0, 1]."
            ) from error
        check_result(transform, image, result)
        return result, self.annotations.from_tv(moved, annotation)


def _composed(first: Tensor, second: Tensor) -> Tensor:
    """Return the matrices of two moves in a row."""
    last_row = first.new_tensor([0.0, 0.0, 1.0]).expand(len(second), 1, 3)
    return first @ torch.cat([second, last_row], dim=1)


def _check_knows_annotations(step: object) -> None:
    known = {base.__module__.partition("._")[0] for base in type(step).__mro__}
    if not isinstance(step, str) and "torchvision.transforms.v2" not in known:
        raise ValueError(
            f"augment: {named(step)} is no transform of "  # type: ignore[arg-type]
            "torchvision.transforms.v2, and only these move masks and boxes together "
            "with the image. Write it as a subclass of v2.Transform."
        )
