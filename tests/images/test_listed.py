"""Columns of files are read lazily, once, in threads, and leave the rest alone."""

import warnings
import weakref

import numpy as np
import pytest

from skmultigran.images import ImageSource, ListedImages, ValueRange, open_images

Image = pytest.importorskip("PIL.Image")

GENERATOR = np.random.default_rng(0)
IMAGES = [
    GENERATOR.integers(0, 256, (6 + k % 3, 7 + k % 2, 3), dtype=np.uint8)
    for k in range(80)
]


@pytest.fixture
def paths(tmp_path):
    made = [str(tmp_path / f"{row}.png") for row in range(len(IMAGES))]
    for path, image in zip(made, IMAGES, strict=True):
        Image.fromarray(image).save(path)
    return made


@pytest.fixture
def reads(monkeypatch):
    """Return a list of weak references to all that is read, in order."""
    from skmultigran.images import _files, _listed

    original, seen = _files.read_file, []

    def read_file(path):
        array = original(path)
        seen.append(weakref.ref(array))
        return array

    monkeypatch.setattr(_listed, "read_file", read_file)
    monkeypatch.setattr(_files, "read_file", read_file)
    return seen


def source(images):
    value_range = ValueRange.learn(images)
    return ImageSource(images, value_range, (8, 8))


def test_opening_decodes_no_healthy_file(paths, reads):
    images = open_images(paths, owner="Me")
    assert isinstance(images, ListedImages)
    assert images.sizes.tolist() == [list(image.shape[:2]) for image in IMAGES]
    assert (images.channels, images.dtypes) == (3, {np.dtype(np.uint8)})
    ValueRange.learn(images)
    assert len(reads) == 0


def test_each_file_is_read_once_per_pass(paths, reads):
    images = open_images(paths, owner="Me")
    rows = np.arange(len(paths))
    kept = source(images).keep()
    assert len(reads) == len(paths)
    kept.gather(rows)
    assert len(reads) == len(paths)
    for _ in images.batches(rows):
        pass
    assert len(reads) == 2 * len(paths)


def test_few_files_are_in_memory_at_a_time(paths, reads):
    images = open_images(paths, owner="Me")
    most = 0
    for batch in images.batches(np.arange(len(paths))):
        del batch
        most = max(most, sum(reference() is not None for reference in reads))
    assert len(reads) == len(paths)
    assert most <= 32
    assert not any(reference() is not None for reference in reads)


def test_batches_are_the_images_in_order(paths):
    rows = np.array([5, 3, 3, 79, 0, 41, *range(40)])
    images = open_images(paths, owner="Me")
    found = [image for batch in images.batches(rows) for image in batch]
    for image, row in zip(found, rows, strict=True):
        np.testing.assert_array_equal(image, IMAGES[row])


@pytest.mark.parametrize("n_jobs", [2, -1])
def test_threads_give_the_same(paths, n_jobs):
    one = open_images(paths, owner="Me")
    more = open_images(paths, owner="Me", n_jobs=n_jobs)
    np.testing.assert_array_equal(one.sizes, more.sizes)
    rows = np.arange(len(paths))
    assert (source(one).gather(rows) == source(more).gather(rows)).all()


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("collect", [True, False])
def test_filters_of_warnings_stay_as_they_were(paths, n_jobs, collect):
    before = list(warnings.filters)
    open_images(paths, owner="Me", n_jobs=n_jobs, collect_problems=collect)
    assert warnings.filters == before


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_problems_are_kept_in_the_order_of_rows(paths, n_jobs):
    paths[70], paths[2] = "nowhere.png", "neither.png"
    with pytest.raises(ValueError, match=r"Me cannot read '.*' in row (2|70): No such"):
        open_images(paths, owner="Me", n_jobs=n_jobs)
    images = open_images(paths, owner="Me", n_jobs=n_jobs, collect_problems=True)
    assert list(images.problems) == [2, 70]
    assert "Me cannot read 'neither.png' in row 2: No such" in images.problems[2]
    assert len(images) == 80
    assert len(images.readable_sizes) == 78


def test_collecting_problems_finds_hidden_damage(paths):
    with open(paths[4], "r+b") as file:
        content = bytearray(file.read())
        content[content.index(b"IDAT") + 30] ^= 0xFF
        file.seek(0)
        file.write(content)
    images = open_images(paths, owner="Me")
    with pytest.raises(ValueError, match=r"'.*4\.png' in row 4: Pillow cannot decode"):
        images.read(4)
    kept = open_images(paths, owner="Me", collect_problems=True)
    assert list(kept.problems) == [4]


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_rows_that_will_not_be_read_are_not_looked_at(paths, tmp_path, n_jobs):
    (tmp_path / "0.png").write_bytes(b"damaged")
    Image.fromarray(np.zeros((90, 70), np.uint16)).save(tmp_path / "3.png")
    entries = [*paths[:8], np.zeros((5, 6, 7)), 3.5]
    rows = np.array([1, 2, 5])
    images = open_images(entries, owner="Me", rows=rows, n_jobs=n_jobs)
    assert len(images) == 10
    assert images.channels == 3
    assert images.dtypes == {np.dtype(np.uint8)}
    assert images.readable_sizes.tolist() == [[*IMAGES[row].shape[:2]] for row in rows]
    np.testing.assert_array_equal(images.read(5), IMAGES[5])
    with pytest.raises(ValueError, match="single one of 2 images.*row 0"):
        open_images(entries, owner="Me", rows=np.array([0, 9]), collect_problems=True)
    with pytest.raises(ValueError, match="row 9: it is 3.5"):
        open_images(entries, owner="Me", rows=np.array([1, 9]))


def test_all_bad_is_an_error_also_where_problems_are_kept():
    match = "cannot read a single one of 3 images. The first: Me cannot read 'a' in row"
    with pytest.raises(ValueError, match=match):
        open_images(["a", "b", "c"], owner="Me", collect_problems=True)


def test_a_file_that_goes_away_later_is_named(paths, tmp_path):
    images = open_images(paths, owner="Me")
    (tmp_path / "7.png").unlink()
    with pytest.raises(ValueError, match=r"7\.png' in row 7: No such file"):
        source(images).keep()


def test_pixels_of_nan_in_a_file_are_refused(tmp_path):
    for name, value in (("good", 0.5), ("bad", np.nan)):
        image = np.full((3, 4), value, dtype=np.float32)
        Image.fromarray(image).save(tmp_path / f"{name}.tif")
    paths = [tmp_path / "good.tif", tmp_path / "bad.tif"]
    images = open_images(paths, owner="Me")
    with pytest.raises(ValueError, match=r"bad\.tif' in row 1: it has NaN or inf"):
        ValueRange.learn(images)
    assert list(open_images(paths, owner="Me", collect_problems=True).problems) == [1]


def test_types_keep_their_own_range(tmp_path):
    deep = GENERATOR.integers(0, 2**16, (5, 6), dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    flat = GENERATOR.integers(0, 256, (5, 6), dtype=np.uint8)
    images = open_images([tmp_path / "deep.png", flat], owner="Me")
    assert images.dtypes == {np.dtype(np.uint16), np.dtype(np.uint8)}
    made = ImageSource(images, ValueRange.learn(images), (5, 6)).gather(np.arange(2))
    np.testing.assert_allclose(made[0, 0], deep / 65535, rtol=1e-6)
    np.testing.assert_allclose(made[1, 0], flat / 255, rtol=1e-6)


def test_16_bit_files_are_what_their_arrays_are(tmp_path):
    deep = GENERATOR.integers(0, 2**16, (3, 5, 6), dtype=np.uint16)
    paths = [tmp_path / f"{row}.png" for row in range(3)]
    for path, image in zip(paths, deep, strict=True):
        Image.fromarray(image).save(path)
    of_files, of_array = (source(open_images(X, owner="Me")) for X in (paths, deep))
    rows = np.arange(3)
    assert (of_files.gather(rows) == of_array.gather(rows)).all()
    assert of_files.value_range == of_array.value_range
