"""Denoisers denoise, enhancers enhance, segmenters find the object, readers read."""

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skmultigran import (
    ForegroundSegmenter,
    ImageDenoiser,
    ImageEnhancer,
    ImageReader,
    ImageResizer,
    MultiGranularityTransformer,
    PooledHead,
)

METHODS = (
    "gaussian",
    "median",
    "bilateral",
    "total_variation",
    "non_local_means",
    "wavelet",
)


@pytest.mark.parametrize("method", METHODS)
def test_denoising_brings_an_image_nearer_to_the_clean_one(method):
    rows, columns = np.mgrid[:32, :32]
    clean = 0.5 + 0.3 * np.sin(rows / 6) * np.cos(columns / 7)
    noisy = clean + np.random.default_rng(0).normal(0, 0.08, clean.shape)
    denoised = ImageDenoiser(method=method).fit_transform(noisy[None])[0]
    assert ((denoised - clean) ** 2).mean() < 0.6 * ((noisy - clean) ** 2).mean()


def test_contrast_stretching_uses_the_range():
    dull = np.linspace(100, 120, 64 * 64).reshape(1, 64, 64).astype(np.uint8)
    stretched = ImageEnhancer(method="contrast").fit_transform(dull)
    assert np.ptp(stretched) > 5 * np.ptp(dull)
    assert (np.diff(stretched[0].ravel().astype(int)) >= 0).all()


def square(bright, size=(40, 30)):
    """An object on a ground, and where it is."""
    rng = np.random.default_rng(0)
    mask = np.zeros(size, bool)
    mask[10:25, 8:20] = True
    image = np.where(mask == bright, 200, 50) + rng.integers(-8, 9, size)
    return image.astype(np.uint8), mask


@pytest.mark.parametrize("bright", [True, False])
@pytest.mark.parametrize("method", ["otsu", "li", "felzenszwalb", "slic"])
def test_segmenter_finds_the_square(method, bright):
    image, mask = square(bright)
    found = ForegroundSegmenter(method=method, output="mask").fit_transform([image])[0]
    overlap = (found & mask).sum() / (found | mask).sum()
    assert found.dtype == bool
    assert overlap > 0.95


def test_crop_is_the_bounding_box_and_masked_keeps_the_object():
    image, mask = square(True)
    crop = ForegroundSegmenter(output="crop").fit_transform([image])[0]
    np.testing.assert_array_equal(crop, image[10:25, 8:20])
    masked = ForegroundSegmenter(output="masked", fill=9).fit_transform([image])[0]
    np.testing.assert_array_equal(masked[mask], image[mask])
    assert (masked[~mask] == 9).all()


def test_reader_gives_the_pixels_of_files(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    Image.fromarray(colour).save(tmp_path / "colour.png")
    Image.fromarray(colour[:4, :, 0]).save(tmp_path / "grey.png")
    paths = [tmp_path / "colour.png", tmp_path / "grey.png"]
    read = ImageReader().fit_transform(paths)
    np.testing.assert_array_equal(read[0], colour)
    np.testing.assert_array_equal(read[1], np.repeat(colour[:4, :, :1], 3, axis=2))
    grey = ImageReader(channels=1).fit_transform(paths)
    np.testing.assert_array_equal(np.squeeze(grey[1]), colour[:4, :, 0])


def test_reader_names_row_and_path(tmp_path):
    (tmp_path / "empty.png").touch()
    Image.new("L", (4, 4)).save(tmp_path / "good.png")
    with pytest.raises(ValueError, match=r"empty\.png' in row 1: .*empty"):
        ImageReader().fit_transform([tmp_path / "good.png", tmp_path / "empty.png"])


def test_resizer_is_that_of_the_estimators():
    images = np.full((2, 10, 20, 3), 90, dtype=np.uint8)
    resized = ImageResizer(size=8).fit_transform(images)
    assert resized.dtype == np.uint8
    assert resized[0, :, 0, 0].tolist() == [128, 128, 90, 90, 90, 90, 128, 128]


def test_search_over_preprocessing_from_files_of_different_sizes(tmp_path):
    rng = np.random.default_rng(0)
    paths, y = [], np.arange(16) % 2
    for i, label in enumerate(y):
        image = rng.integers(0, 60, (14 + i % 3, 12 + i % 4, 3))
        rows = slice(2, 6) if label else slice(7, 11)
        image[rows, 3:9] += 150
        paths.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(image.astype(np.uint8)).save(paths[-1])
    features = MultiGranularityTransformer(image_size=8, head=PooledHead(grid=(2,)))
    pipeline = Pipeline(
        [
            ("denoise", ImageDenoiser()),
            ("enhance", ImageEnhancer()),
            ("segment", ForegroundSegmenter()),
            ("features", features),
            ("classify", LogisticRegression()),
        ]
    )
    grid = {
        "denoise__method": ["gaussian", "median"],
        "enhance__method": ["contrast", "clahe"],
        "segment__output": ["masked", "crop"],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(paths, y)
    assert len(search.cv_results_["params"]) == 8
    assert search.best_score_ > 0.9
    assert search.predict(paths[:2]).tolist() == [0, 1]
