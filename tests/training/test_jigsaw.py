import pytest
import torch

from skmultigran.training import jigsaw, seeded


def patches_of(images, size):
    """Return the sorted contents of each image's patches."""
    parts = images.unfold(2, size[0], size[0]).unfold(3, size[1], size[1])
    parts = parts.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
    return [sorted(map(tuple, image.tolist())) for image in parts]


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (3, 2), (1, 4)])
def test_the_same_patches_in_another_order(rows, columns):
    images = torch.rand(8, 3, 12, 8)
    kept = images.clone()
    with seeded(0):
        shuffled = jigsaw(images, rows, columns)
    assert torch.equal(images, kept)
    assert not torch.equal(shuffled, images)
    size = 12 // rows, 8 // columns
    assert patches_of(shuffled, size) == patches_of(images, size)


def test_each_image_has_an_order_of_its_own():
    images = torch.arange(16.0).reshape(1, 1, 4, 4).repeat(20, 1, 1, 1)
    with seeded(0):
        shuffled = jigsaw(images, 4, 4)
    assert len({tuple(image.flatten().tolist()) for image in shuffled}) == 20


def test_what_is_left_over_stays_at_the_border():
    images = torch.rand(4, 1, 11, 7)
    with seeded(0):
        shuffled = jigsaw(images, 3, 3)  # patches of 3 x 2; one row each side, a column
    assert torch.equal(shuffled[:, :, [0, -1]], images[:, :, [0, -1]])
    assert torch.equal(shuffled[..., -1], images[..., -1])
    inside = shuffled[:, :, 1:-1, :6]
    assert patches_of(inside, (3, 2)) == patches_of(images[:, :, 1:-1, :6], (3, 2))


def test_one_patch_is_the_image():
    images = torch.rand(2, 1, 5, 5)
    assert torch.equal(jigsaw(images, 1, 1), images)
