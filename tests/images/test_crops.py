import numpy as np
import pytest
import torch
from PIL import Image

from skmultigran.images import CropSource, ValueRange, open_images

SIZES = [(9, 7), (5, 12), (20, 20)]


@pytest.fixture
def arrays():
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (*s, 3), dtype=np.uint8) for s in SIZES]


def source_of(X, image_size=(6, 8), rows=None):
    images = open_images(X, owner="the test")
    return CropSource(images, ValueRange.learn(images), image_size, rows)


def test_whole_image_is_the_image(arrays):
    source = source_of(arrays)
    for position, array in enumerate(arrays):
        whole = source.whole(position)[0].permute(1, 2, 0).numpy()
        np.testing.assert_allclose(whole, array / 255, atol=1e-6)


def test_crop_is_the_slice(arrays):
    crop = source_of(arrays).crops(np.array([2]), np.array([[3, 4]]))
    expected = arrays[2][3:9, 4:12].transpose(2, 0, 1)
    np.testing.assert_allclose(crop[0].numpy(), expected / 255, atol=1e-6)


def test_small_images_repeat_their_border(arrays):
    crop = source_of(arrays).crops(np.array([0]), np.zeros((1, 2), int))[0]
    assert crop.shape == (3, 6, 8)
    torch.testing.assert_close(crop[:, :, 7], crop[:, :, 6])


def test_centre_crops_are_central(arrays):
    crop = source_of(arrays).gather(np.array([2]))[0]
    expected = arrays[2][7:13, 6:14].transpose(2, 0, 1)
    np.testing.assert_allclose(crop.numpy(), expected / 255, atol=1e-6)


@pytest.mark.parametrize("step", [1, 4])
def test_random_corners_reach_every_place_and_stay_inside(arrays, step):
    source = source_of(arrays)
    generator = torch.Generator().manual_seed(0)
    drawn = [
        source.random_corners(np.array([0, 2]), generator, step) for _ in range(400)
    ]
    small, large = np.stack(drawn, axis=1)
    assert set(small[:, 0]) == set(range(0, 4, step))
    assert set(small[:, 1]) == {0}
    assert set(large[:, 0]) == set(range(0, 15, step))
    assert set(large[:, 1]) == set(range(0, 13, step))


def test_rows_choose_images(arrays):
    source = source_of(arrays, rows=np.array([2, 0]))
    np.testing.assert_array_equal(source.sizes, [SIZES[2], SIZES[0]])
    part = source.part(np.array([1]))
    torch.testing.assert_close(part.whole(0), source.whole(1))


def test_groups_hold_each_position_once_with_its_size(arrays):
    source = source_of([*arrays, arrays[0], arrays[2]])
    groups = list(source.groups(most_pixels=100))
    assert sorted(p for _, group in groups for p in group) == [0, 1, 2, 3, 4]
    for size, group in groups:
        assert all(tuple(source.sizes[p]) == size for p in group)
    assert [0, 3] in [group.tolist() for _, group in groups]
    # Larger ones are alone.
    assert [2] in [group.tolist() for _, group in groups]


def test_files_are_decoded_once_when_kept(arrays, tmp_path, monkeypatch):
    paths = []
    for number, array in enumerate(arrays):
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(array).save(paths[-1])
    source = source_of(paths).keep()
    monkeypatch.setattr(source.images, "read", None)
    expected = source_of(arrays).gather(np.array([0, 1]))
    torch.testing.assert_close(source.gather(np.array([0, 1])), expected)


def test_the_array_is_left_alone(arrays):
    before = arrays[2].copy()
    source = source_of(np.stack([arrays[2]] * 2).astype(np.float32) / 255)
    source.whole(0).add_(1)
    np.testing.assert_allclose(source.whole(0)[0, 0].numpy(), before[..., 0] / 255)
