"""Resizing keeps what it promises: the size, the aspect, and no aliases."""

import numpy as np
import pytest
import torch
from PIL import Image

from skmultigran.images import RESIZES, resize_images

BORDER = 0.5


def inside(image, row, column):
    """Return the rectangle that is not border, as (top, left, bottom, right)."""
    rows = (image[:, column] != BORDER).nonzero().flatten()
    columns = (image[row] != BORDER).nonzero().flatten()
    return tuple(int(v) for v in (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1))


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("old", [(1, 1), (1, 9), (7, 1), (5, 8), (13, 64), (8, 8)])
@pytest.mark.parametrize("new", [(1, 1), (1, 64), (8, 8), (9, 5), (3, 17), (33, 31)])
def test_size_is_exact(resize, old, new):
    resized = resize_images(torch.rand(2, 3, *old), new, resize)
    assert resized.shape == (2, 3, *new)
    assert resized.min() >= 0
    assert resized.max() <= 1


@pytest.mark.parametrize("resize", RESIZES)
def test_right_size_is_the_same_tensor(resize):
    images = torch.rand(2, 1, 5, 7)
    assert resize_images(images, (5, 7), resize) is images


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ((10, 20), (8, 8), (2, 0, 6, 8)),
        ((20, 10), (8, 8), (0, 2, 8, 6)),
        ((5, 5), (10, 20), (0, 5, 10, 15)),
        ((5, 5), (10, 21), (0, 5, 10, 15)),
        ((1, 64), (8, 8), (3, 0, 4, 8)),
        ((30, 40), (24, 24), (3, 0, 21, 24)),
    ],
)
def test_letterbox_keeps_the_aspect_and_centres(old, new, expected):
    resized = resize_images(torch.zeros(1, 1, *old), new, "letterbox")[0, 0]
    assert inside(resized, new[0] // 2 - (old[0] == 1), new[1] // 2) == expected
    top, left, bottom, right = expected
    assert (resized[top:bottom, left:right] == 0).all()
    assert resized.sum() == BORDER * (resized.numel() - (bottom - top) * (right - left))


@pytest.mark.parametrize("resize", ["stretch", "crop"])
@pytest.mark.parametrize("old", [(10, 20), (20, 10), (1, 9), (6, 6)])
@pytest.mark.parametrize("new", [(8, 8), (5, 16), (31, 3)])
def test_constant_stays_constant_without_a_border(resize, old, new):
    resized = resize_images(torch.full((1, 2, *old), 0.3), new, resize)
    torch.testing.assert_close(resized, torch.full((1, 2, *new), 0.3))


def test_crop_cuts_both_sides_equally():
    images = torch.arange(8.0).expand(1, 1, 4, 8) / 8
    cropped = resize_images(images, (4, 4), "crop")
    torch.testing.assert_close(cropped, images[..., 2:6])


def test_stretch_shows_all_of_the_image():
    images = torch.tensor([0.0, 0, 1, 1]).expand(1, 1, 4, 4)
    stretched = resize_images(images, (4, 2), "stretch")
    assert stretched[0, 0, 0, 0] < 0.2
    assert stretched[0, 0, 0, 1] > 0.8


@pytest.mark.parametrize("new", [(5, 9), (12, 7), (31, 40)])
def test_stretch_equals_pillow(new, seed):
    image = np.random.default_rng(seed).random((13, 18), dtype=np.float32)
    size = (new[1], new[0])
    expected = np.asarray(
        Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
    )
    found = resize_images(torch.from_numpy(image)[None, None], new, "stretch")[0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("resize", RESIZES)
def test_checkerboard_at_the_nyquist_limit_is_gone_at_half_size(resize):
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    board = ((rows + columns) % 2).float()[None, None]
    inner = resize_images(board, (16, 16), resize)[..., 1:-1, 1:-1]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=1e-6, rtol=0)


@pytest.mark.parametrize("resize", RESIZES)
def test_images_of_a_batch_are_resized_one_by_one(resize):
    images = torch.rand(5, 3, 9, 14)
    together = resize_images(images, (6, 11), resize)
    alone = torch.cat([resize_images(image[None], (6, 11), resize) for image in images])
    assert torch.equal(together, alone)


@pytest.mark.parametrize("resize", RESIZES)
def test_mirrored_image_gives_the_mirrored_result(resize):
    images = torch.rand(1, 1, 10, 20)
    torch.testing.assert_close(
        resize_images(images.flip(-1), (8, 8), resize),
        resize_images(images, (8, 8), resize).flip(-1),
    )
