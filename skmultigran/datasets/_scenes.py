"""Scenes of real digits of many sizes, with boxes, labels, masks and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skmultigran._support import Interval, StrOptions, validate_params
from skmultigran.datasets._glyphs import (
    MARGIN,
    Glyph,
    draw_glyph,
    glyph_shape,
    handwritten_digits,
)
from skmultigran.datasets._placing import free_place
from skmultigran.datasets._texture import textured_grounds

# Scenes are made in pieces of about so many pixels, to bound the memory.
PIXELS_AT_ONCE = 2**21
# The first digits of scikit-learn's that "test" draws from; "train" has those before.
FIRST_TEST_DIGIT = 1200
# Grey levels of 255 by which a digit differs from the ground around it.
INK = (55, 125)
# What a digit that fits nowhere is multiplied by, again and again.
SHRINK = 0.7

_DESCRIPTION = """\
Scenes of handwritten digits on textured grounds

Digits of 8 x 8 pixels that come with scikit-learn (`sklearn.datasets.load_digits`,
"Optical Recognition of Handwritten Digits", UCI machine learning repository), drawn
by `skmultigran.datasets.make_digit_scenes` at many sizes, lighter or darker than a
ground of noise, a gradient and grain.
"""


class _Plan(NamedTuple):
    """One digit of a scene: which, how large, and its box."""

    digit: int
    size: int
    box: tuple[int, int, int, int]


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "size": [Interval(Integral, 8, None, closed="left"), "array-like"],
        "n_objects": [Interval(Integral, 0, None, closed="left"), "array-like"],
        "scales": [Interval(Integral, 8, None, closed="left"), "array-like", None],
        "max_overlap": [Interval(Real, 0, 0.9, closed="both")],
        "subset": [StrOptions({"all", "train", "test"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_digit_scenes(
    n_samples=100,
    size=96,
    *,
    n_objects=(1, 4),
    scales=None,
    max_overlap=0.0,
    subset="all",
    random_state=None,
):
    """Make scenes of handwritten digits of many sizes on a textured background.

    Each scene is a grey image of scikit-learn's real 8 x 8 digits, smoothly enlarged to
    random sizes at random positions, lighter or darker than a background of noise, a
    gradient and grain. Boxes, labels, masks and sizes are returned as well, for
    detectors, segmenters, regressors or several tasks at once.

    Parameters
    ----------
    n_samples : int, default=100
        Number of scenes.
    size : int or tuple of int, default=96
        Side of square scenes, or `(height, width)`, in pixels; at least 8.
    n_objects : int or tuple of int, default=(1, 4)
        Number of digits in a scene, or minimum and maximum, with all numbers equally
        likely. Scenes may be empty: `(0, 3)`.
    scales : int, tuple of int or None, default=None
        Size of the digits, or smallest and largest size: the longer side of the box of
        a digit in pixels, at least 8. Sizes are drawn log-uniformly. None: 8 to 64, or
        to the shorter side of a smaller scene.
    max_overlap : float, default=0.0
        Maximum overlap of the boxes of two digits, as a fraction of the area of the
        smaller one, in [0, 0.9]. Smaller digits lie on top of larger ones.
    subset : {"all", "train", "test"}, default="all"
        Digits to draw from: all 1,797, the first 1,200 or the other 597. "train" and
        "test" have no digit in common.
    random_state : int, RandomState instance or None, default=None
        Pass an int for reproducible scenes.

    Returns
    -------
    sklearn.utils.Bunch
        With the attributes:

        images : ndarray of uint8 of shape (n_samples, height, width)
            The scenes.
        y : list of dict
            For each scene `boxes`, a float32 array of shape (m, 4), and `labels`, an
            int64 array of shape (m,): the digits 0 to 9. A box is left, top, right and
            bottom in pixels, `right` and `bottom` beyond the last pixel. It is the
            smallest box that contains the whole digit, including hidden parts. Larger
            digits come first.
        masks : ndarray of uint8 of shape (n_samples, height, width)
            For each pixel 0, the background, or 1 + the digit that lies on top.
        sizes : list of ndarray of int64 of shape (m,)
            The longer side of each box in pixels.
        mask_names : list of str
            Names of the numbers in `masks`: "ground", "0", ..., "9".
        DESCR : str
            A description.

    Raises
    ------
    ValueError
        If a parameter is not as described, or the largest size exceeds the scene.

    Notes
    -----
    Positions are drawn from all those that `max_overlap` allows. A digit that fits
    nowhere is reduced, down to the smallest size, and then left out, so a crowded scene
    can have fewer digits than `n_objects`.

    Examples
    --------
    >>> from skmultigran.datasets import make_digit_scenes
    >>> scenes = make_digit_scenes(20, (48, 64), scales=(8, 32), random_state=0)
    >>> scenes.images.shape, scenes.masks.shape, len(scenes.y)
    ((20, 48, 64), (20, 48, 64), 20)
    >>> scenes.y[0]["labels"].shape == scenes.sizes[0].shape
    True
    """
    size = _scene_size(size)
    counts = _low_and_high("n_objects", n_objects, 0)
    scales = _sizes_of_digits(scales, size)
    generator = check_random_state(random_state)
    rng = np.random.default_rng(generator.randint(2**31, size=4))
    images = np.empty((n_samples, *size), dtype=np.uint8)
    masks = np.zeros((n_samples, *size), dtype=np.uint8)
    plans: list[list[_Plan]] = []
    for part in _parts(n_samples, size):
        grounds = textured_grounds(rng, len(images[part]), size)
        for ground, mask in zip(grounds, masks[part], strict=True):
            plans.append(_planned(rng, size, counts, scales, max_overlap, subset))
            for plan in plans[-1]:
                _draw(rng, ground, mask, plan)
        images[part] = grounds.round()
    return _as_bunch(images, masks, plans)


def _parts(n: int, size: tuple[int, int]) -> Iterator[slice]:
    step = max(1, PIXELS_AT_ONCE // (size[0] * size[1]))
    for start in range(0, n, step):
        yield slice(start, start + step)


def _planned(rng, size, counts, scales, max_overlap, subset):
    """Draw the digits of a scene, larger ones first, and find each a place."""
    plans: list[_Plan] = []
    n_objects = rng.integers(counts[0], counts[1], endpoint=True)
    logs = rng.uniform(*np.log(scales), n_objects)
    wanted = np.exp(np.sort(logs)[::-1]).round().astype(int)
    digits = rng.choice(_candidates(subset), n_objects)
    for digit, longer in zip(digits, wanted, strict=True):
        plan = _placed(rng, digit, longer, plans, size, scales[0], max_overlap)
        if plan is not None:
            plans.append(plan)
    return sorted(plans, key=lambda plan: -plan.size)


def _candidates(subset: str) -> np.ndarray:
    positions = np.arange(len(handwritten_digits().labels))
    if subset == "all":
        return positions
    train, test = np.split(positions, [FIRST_TEST_DIGIT])
    return train if subset == "train" else test


def _placed(rng, digit, longer, plans, size, smallest, max_overlap):
    """Return the plan of a digit, made smaller until it fits; None if it never does."""
    while True:
        shape = glyph_shape(handwritten_digits().boxes[digit], longer)
        boxes = [plan.box for plan in plans]
        place = free_place(rng, shape, boxes, size, max_overlap)
        if place is not None:
            top, left = place
            return _Plan(digit, longer, (left, top, left + shape[1], top + shape[0]))
        if longer == smallest:
            return None
        longer = max(smallest, int(longer * SHRINK))


def _draw(rng, ground: np.ndarray, mask: np.ndarray, plan: _Plan) -> None:
    """Draw one digit into a ground and its mask, both changed in place."""
    digits = handwritten_digits()
    left, top, right, bottom = plan.box
    glyph = draw_glyph(
        digits.images[plan.digit],
        digits.boxes[plan.digit],
        (bottom - top, right - left),
    )
    rows = slice(max(0, top - MARGIN), bottom + MARGIN)
    columns = slice(max(0, left - MARGIN), right + MARGIN)
    patch, mask = ground[rows, columns], mask[rows, columns]
    start = rows.start - top + MARGIN, columns.start - left + MARGIN
    opacity, inside = _cut(glyph, start, patch.shape)
    patch += opacity * (_ink(rng, patch) - patch)
    np.clip(patch, 0, 255, out=patch)
    mask[inside] = 1 + digits.labels[plan.digit]


def _cut(glyph: Glyph, start, shape) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of a glyph whose margin is not beyond the scene's border."""
    part = tuple(
        slice(first, first + length) for first, length in zip(start, shape, strict=True)
    )
    return glyph.opacity[part], glyph.inside[part]


def _ink(rng, patch):
    """Return grey levels of ink that differs from a patch and keeps its texture."""
    mean = patch.mean()
    step = rng.uniform(*INK) * rng.choice([-1, 1])
    if not 0 <= mean + step <= 255:
        step = -step
    return mean + step + 0.3 * (patch - mean)


def _as_bunch(images, masks, plans) -> Bunch:
    labels = handwritten_digits().labels
    y: list[dict[str, Any]] = [
        {
            "boxes": np.array([p.box for p in scene], np.float32).reshape(-1, 4),
            "labels": labels[[p.digit for p in scene]],
        }
        for scene in plans
    ]
    return Bunch(
        images=images,
        y=y,
        masks=masks,
        sizes=[np.array([p.size for p in scene], np.int64) for scene in plans],
        mask_names=["ground", *map(str, range(10))],
        DESCR=_DESCRIPTION,
    )


def _scene_size(size) -> tuple[int, int]:
    pair = _pair_of_integers(size)
    if pair is None or min(pair) < 8:
        raise ValueError(
            f"make_digit_scenes got size={size!r}. It must be one integer, for "
            "squares, or (height, width), each at least 8 pixels."
        )
    return pair


def _low_and_high(name: str, value, lowest: int) -> tuple[int, int]:
    pair = _pair_of_integers(value)
    if pair is None or not lowest <= pair[0] <= pair[1]:
        raise ValueError(
            f"make_digit_scenes got {name}={value!r}. It must be one integer or two, "
            f"the lowest and the highest, from {lowest} on."
        )
    return pair


def _pair_of_integers(value) -> tuple[int, int] | None:
    """Return two integers, twice the same for a single one; None for anything else."""
    values = [value, value] if isinstance(value, Integral) else list(value)
    if len(values) != 2 or not all(isinstance(v, Integral) for v in values):
        return None
    return int(values[0]), int(values[1])


def _sizes_of_digits(scales, size: tuple[int, int]) -> tuple[int, int]:
    if scales is None:
        return 8, min(64, *size)
    low, high = _low_and_high("scales", scales, 8)
    if high > min(size):
        raise ValueError(
            f"make_digit_scenes got scales={scales!r} for scenes of {size[0]} x "
            f"{size[1]} pixels. A digit must fit in: make the largest size at most "
            f"{min(size)}, or the scenes larger."
        )
    return low, high
