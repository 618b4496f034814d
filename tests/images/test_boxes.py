import numpy as np
import pytest
import torch

from skmultigran.images import Boxes, JointAugmentation

SIZE = (40, 60)


def generator():
    return torch.Generator().manual_seed(3)


@pytest.fixture
def scenes():
    """One bright ellipse per image, with its box."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    draws = np.random.default_rng(0)
    images, boxes = [], []
    for _ in range(12):
        centre = draws.uniform((14, 14), np.array(SIZE) - 14)
        halves = draws.uniform(4, 9, 2)
        inside = ((y - centre[0]) / halves[0]) ** 2 + ((x - centre[1]) / halves[1]) ** 2
        images.append((inside < 1).astype(np.float32))
        box = [centre[1] - halves[1], centre[0] - halves[0]]
        boxes.append([[*box, centre[1] + halves[1], centre[0] + halves[0], 4]])
    return torch.from_numpy(np.stack(images))[:, None], torch.tensor(boxes).float()


def seen_box(image):
    rows, columns = np.nonzero(image.numpy() > 0.5)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize(
    "augment",
    ["affine", "shift", "flip", "crop", "standard", ["flip", "crop"]],
    ids=str,
)
def test_boxes_move_with_their_images(scenes, augment):
    images, boxes = scenes
    joint = JointAugmentation(augment, SIZE, Boxes([], SIZE))
    moved, moved_boxes = joint.together(images, boxes, generator())
    assert not torch.allclose(moved_boxes, boxes, atol=1)
    assert (moved_boxes[:, 0, 4] == 4).sum() > 8
    for image, (box,) in zip(moved, moved_boxes, strict=True):
        if box[4] >= 0:
            np.testing.assert_allclose(box[:4], seen_box(image[0]), atol=1.1)


def test_a_transform_of_torchvision_moves_boxes(scenes):
    from torchvision.transforms import v2

    images, boxes = scenes
    joint = JointAugmentation(v2.RandomVerticalFlip(1.0), SIZE, Boxes([], SIZE))
    moved, moved_boxes = joint.together(images, boxes, generator())
    torch.testing.assert_close(moved, images.flip(2))
    expected = boxes.clone()
    expected[..., [1, 3]] = SIZE[0] - boxes[..., [3, 1]]
    torch.testing.assert_close(moved_boxes, expected)


def test_transforms_that_drop_boxes_are_refused(scenes):
    from torchvision.transforms import v2

    class Drops(v2.Transform):
        def forward(self, image, boxes):
            return image, boxes[:0]

    joint = JointAugmentation(Drops(), SIZE, Boxes([], SIZE))
    with pytest.raises(ValueError, match=r"made 0 boxes of 1"):
        joint.together(*scenes, generator())


def test_crops_shift_and_cut():
    objects = np.array([[10.0, 10, 20, 30, 0], [0, 0, 11, 11, 1]])
    boxes = Boxes([objects, np.empty((0, 5))], SIZE)
    crop = boxes.crops(np.array([0, 1]), np.array([[15, 5], [0, 0]]), (12, 12))
    assert crop.shape == (2, 1, 5)
    torch.testing.assert_close(crop[0, 0], torch.tensor([5.0, 0, 12, 12, 0]))
    assert crop[1, 0, 4] < 0


def test_images_without_objects_make_empty_batches():
    crop = Boxes([np.empty((0, 5))], SIZE).crops(np.array([0]), np.zeros((1, 2)), SIZE)
    assert crop.shape == (1, 0, 5)
    joint = JointAugmentation("standard", SIZE, Boxes([], SIZE))
    _, moved = joint.together(torch.rand(1, 1, *SIZE), crop, generator())
    assert moved.shape == (1, 0, 5)
