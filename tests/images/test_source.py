"""A source gives the batches that one would compute by hand, and no more memory."""

import tracemalloc

import numpy as np
import pytest
import torch

from skmultigran.images import (
    RESIZES,
    ArrayImages,
    ImageShape,
    ImageSource,
    ValueRange,
    _chunks,
    _source,
    open_images,
    resize_images,
)

RANGE = ValueRange(0.0, 255.0, by_dtype=True)


def pixels(n=9, shape=(6, 5, 3)):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, *shape), dtype=np.uint8)


def source_of(images, image_size=None, resize="letterbox", rows=None):
    shape = ImageShape(*(*images.shape[1:], 1)[:3])
    return ImageSource(
        ArrayImages(images, shape), RANGE, image_size or shape.size, resize, rows
    )


def by_hand(images):
    unit = torch.from_numpy(images.astype(np.float32) / 255)
    return unit.permute(0, 3, 1, 2)


INDICES = np.array([7, 0, 0, 3])


def test_gather_equals_direct_computation():
    images = pixels()
    batch = source_of(images).gather(INDICES)
    assert batch.dtype == torch.float32
    torch.testing.assert_close(batch, by_hand(images[INDICES]))


@pytest.mark.parametrize("resize", RESIZES)
def test_gather_resizes(resize):
    images = pixels()
    batch = source_of(images, (4, 9), resize).gather(INDICES)
    expected = resize_images(by_hand(images[INDICES]), (4, 9), resize)
    # Bytes are resized as bytes, so each value may be rounded by half a step.
    torch.testing.assert_close(batch, expected, atol=1 / 255, rtol=0)


def test_rows_and_images_with_axes_give_the_same():
    images = pixels()
    flat = ImageSource(
        ArrayImages(images.reshape(9, -1), ImageShape(6, 5, 3)), RANGE, (6, 5)
    )
    assert torch.equal(flat.gather(INDICES), source_of(images).gather(INDICES))


def test_grey_images_get_a_channel():
    grey = pixels()[..., 0]
    assert torch.equal(
        source_of(grey).gather(INDICES), source_of(grey[..., None]).gather(INDICES)
    )


@pytest.mark.parametrize("keep", [False, True])
def test_subset_of_rows(keep):
    images, rows = pixels(), np.array([8, 2, 5])
    source = source_of(images, rows=rows)
    if keep:
        source.keep()
    assert len(source) == 3
    torch.testing.assert_close(source.gather(np.array([2, 0])), by_hand(images[[5, 8]]))


@pytest.mark.parametrize("image_size", [None, (4, 9), (12, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_kept_batches_are_identical(image_size, channels, monkeypatch):
    monkeypatch.setattr(_chunks, "_VALUES_PER_CHUNK", 200)
    source = source_of(pixels(shape=(6, 5, channels)), image_size)
    fresh = source.gather(INDICES)
    assert source.keep() is source
    assert torch.equal(source.gather(INDICES), fresh)


@pytest.mark.parametrize("keep", [False, True])
def test_batches_are_channels_last_and_writing_to_them_is_harmless(keep):
    images = pixels()
    source = source_of(images, (8, 8))
    if keep:
        source.keep()
    batch = source.gather(INDICES)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    before = batch.clone()
    batch.zero_()
    assert torch.equal(source.gather(INDICES), before)


@pytest.fixture
def counted(monkeypatch):
    """List of the numbers of images that are prepared."""
    prepared = []
    resize = _source.resize_images

    def counting(images, *arguments):
        prepared.append(len(images))
        return resize(images, *arguments)

    monkeypatch.setattr(_source, "resize_images", counting)
    return prepared


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, bool])
def test_flipped_views_are_read_as_their_copies(dtype):
    random = np.random.default_rng(0)
    views = [random.integers(0, 2, (h, 6, 3)).astype(dtype)[::-1, ::-1] for h in (4, 5)]
    copies = [np.ascontiguousarray(view) for view in views]
    batches = []
    for entries in (views, copies):
        images = open_images(entries, owner="Me")
        source = ImageSource(images, ValueRange.learn(images), (5, 5))
        batches.append(source.gather(np.array([0, 1])))
    torch.testing.assert_close(*batches, rtol=0, atol=0)


def test_kept_images_are_prepared_once(counted):
    source = source_of(pixels(), (8, 8)).keep().keep()
    source.gather(INDICES)
    assert sum(counted) == 9


def test_bytes_of_the_right_size_are_not_kept_twice(counted):
    source = source_of(pixels()).keep()
    assert not source.is_kept
    assert counted == []


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(("spare", "kept"), [(0, True), (-1, False)])
def test_cap_is_on_the_bytes_of_the_prepared_images(
    dtype, spare, kept, counted, monkeypatch
):
    n_bytes = 9 * 8 * 8 * 3 * np.dtype(dtype).itemsize
    monkeypatch.setattr(_source, "_KEPT_BYTES", n_bytes + spare)
    source = source_of(pixels().astype(dtype), (8, 8)).keep()
    assert sum(counted) == (9 if kept else 0)
    counted.clear()
    assert source.gather(INDICES).shape == (4, 3, 8, 8)
    assert counted == ([] if kept else [4])


def test_chunks_walk_over_all_positions_in_order(monkeypatch):
    monkeypatch.setattr(_chunks, "_VALUES_PER_CHUNK", 4 * 90)
    source = source_of(pixels(11), rows=np.arange(10))
    assert [part.tolist() for part in source.chunks()] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]


@pytest.fixture(params=["channels last", "channels first, moved"])
def large_map(request, tmp_path):
    """A memory map of 12 MB."""
    first = request.param != "channels last"
    shape = (4000, 3, 32, 32) if first else (4000, 32, 32, 3)
    mapped = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, shape)
    mapped[-1] = 255
    return np.moveaxis(mapped, 1, -1) if first else mapped


def test_memory_map_is_not_copied_whole(large_map):
    source = source_of(large_map)
    tracemalloc.start()
    batch = source.gather(np.array([0, 3999]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6
    assert batch[0].max() == 0
    assert batch[1].min() == 1
