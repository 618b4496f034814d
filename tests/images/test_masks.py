import numpy as np
import pytest
import torch

from skmultigran.images import IGNORED, JointAugmentation, Masks

STEPS = ["affine", "shift", "flip", "crop", ["flip", "affine"], "standard", "strong"]


def generator():
    return torch.Generator().manual_seed(3)


@pytest.fixture
def scenes():
    """Smooth images whose masks can be told from their values."""
    y, x = torch.meshgrid(torch.arange(48), torch.arange(40), indexing="ij")
    rings = ((y - 20) ** 2 + (x - 16) ** 2).float().sqrt() / 30
    images = rings.clamp(0, 1).expand(6, 1, 48, 40).clone()
    return images, (images[:, 0] > 0.5).long()


def test_crops_are_slices_and_ignore_what_is_beyond():
    codes = np.arange(12).reshape(3, 4)
    crop = Masks([codes]).crops(np.array([0]), np.array([[1, 1]]), (4, 3))[0]
    np.testing.assert_array_equal(crop[:2], codes[1:, 1:])
    assert (crop[2:] == IGNORED).all()


@pytest.mark.parametrize("augment", STEPS[:-1], ids=str)
def test_masks_move_with_their_images(scenes, augment):
    images, masks = scenes
    joint = JointAugmentation(augment, (48, 40), Masks([]))
    moved, moved_masks = joint.together(images, masks, generator())
    known = moved_masks != IGNORED
    agree = (moved[:, 0] > 0.5).long() == moved_masks
    assert agree[known].float().mean() > 0.97
    assert not torch.equal(moved_masks, masks)
    # Without moving together, what was drawn would show.
    assert agree[known].float().mean() > ((moved[:, 0] > 0.5) == masks).float().mean()


@pytest.mark.parametrize("augment", ["affine", "shift"])
def test_what_comes_from_beyond_is_ignored(scenes, augment):
    images, masks = scenes
    joint = JointAugmentation(augment, (48, 40), Masks([]))
    _, moved = joint.together(images, masks, generator())
    assert (moved == IGNORED).any()
    assert set(moved.unique().tolist()) <= {IGNORED, 0, 1}


def test_two_moves_are_as_one_after_the_other(scenes):
    images, masks = scenes
    both = JointAugmentation(["crop", "flip"], (48, 40), Masks([]))
    composed, composed_masks = both.together(images, masks, generator())
    draws = generator()
    apart = images, masks
    for step in ("crop", "flip"):
        joint = JointAugmentation(step, (48, 40), Masks([]))
        apart = joint.together(*apart, draws)
    torch.testing.assert_close(composed, apart[0], atol=0.01, rtol=0)
    assert (composed_masks == apart[1]).float().mean() > 0.98


def test_a_transform_of_torchvision_moves_both(scenes):
    from torchvision.transforms import v2

    images, masks = scenes
    joint = JointAugmentation(
        v2.RandomAffine(20, translate=(0.2, 0.2)), (48, 40), Masks([])
    )
    moved, moved_masks = joint.together(images, masks, generator())
    known = moved_masks != IGNORED
    assert not known.all()
    agree = (moved[:, 0] > 0.5).long() == moved_masks
    assert agree[known].float().mean() > 0.97


def test_other_callables_are_refused():
    with pytest.raises(ValueError, match="only these move masks and boxes"):
        JointAugmentation(lambda image: image, (4, 4), Masks([]))


def test_the_batch_is_left_as_it_was(scenes):
    images, masks = scenes
    before = images.clone(), masks.clone()
    JointAugmentation("strong", (48, 40), Masks([])).together(
        images, masks, generator()
    )
    assert torch.equal(images, before[0])
    assert torch.equal(masks, before[1])
