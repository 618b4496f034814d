"""Every form of X in, the promised form out: axes, rows, frames, columns, names."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skmultigran import (
    ForegroundSegmenter,
    ImageDenoiser,
    ImageEnhancer,
    ImageReader,
    ImageResizer,
)

TRANSFORMERS = [
    ImageReader(),
    ImageResizer(size=(5, 7)),
    ImageDenoiser(strength=0.1),
    ImageEnhancer(),
    ForegroundSegmenter(),
    ForegroundSegmenter(output="mask"),
    ForegroundSegmenter(output="crop"),
]
each_transformer = pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
ROW_TRANSFORMERS = TRANSFORMERS[:-1]
each_row_transformer = pytest.mark.parametrize(
    "transformer", ROW_TRANSFORMERS, ids=repr
)


def grey_images(n=3, size=(8, 9)):
    images = np.random.default_rng(0).integers(0, 60, (n, *size), dtype=np.uint8)
    images[:, 2:5, 3:7] += 150
    return images


def colour_images(n=3, size=(8, 9)):
    grey = grey_images(n, size)
    return np.stack([grey, grey // 2, 255 - grey], axis=3)


def assert_equal_images(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def saved(images, folder):
    paths = [folder / f"{row}.png" for row in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        Image.fromarray(image).save(path)
    return paths


@each_transformer
@pytest.mark.parametrize(
    "images", [grey_images(), colour_images()], ids=["grey", "rgb"]
)
def test_all_forms_give_the_same(transformer, images, tmp_path):
    expected = transformer.fit_transform(images)
    paths = saved(images, tmp_path)
    objects = np.empty(len(images), dtype=object)
    objects[:] = list(images)
    forms = [
        torch.from_numpy(images),
        list(images),
        objects,
        [Image.fromarray(image) for image in images],
        paths,
        [str(path) for path in paths],
        np.array([str(path) for path in paths]),
        pd.Series(paths, index=[5, 7, 9]),
        pd.DataFrame({"image": [str(path) for path in paths]}),
    ]
    for form in forms:
        found = transformer.fit_transform(form)
        assert_equal_images(found, expected)
        assert found.shape == expected.shape


@each_transformer
def test_grey_axis_is_kept_if_it_was_there(transformer):
    images = grey_images()
    without = transformer.fit_transform(images)
    with_axis = transformer.fit_transform(images[..., None])
    assert without[0].ndim == 2
    if getattr(transformer, "output", None) == "mask":
        assert_equal_images(with_axis, without)
    else:
        assert_equal_images([image[..., 0] for image in with_axis], without)


@each_transformer
def test_different_sizes_come_in_a_column_of_objects(transformer):
    images = [grey_images(1, (8, 9))[0], grey_images(1, (12, 7))[0]]
    found = transformer.fit_transform(images)
    assert found.shape == (2, 5, 7) if "Resizer" in repr(transformer) else (2,)
    for row in range(2):
        alone = transformer.transform([images[row]])
        np.testing.assert_array_equal(found[row], alone[0])


def test_types_are_not_mixed():
    images = [grey_images(1)[0], grey_images(1)[0] / 255]
    found = ImageReader().fit_transform(images)
    assert found.dtype == object
    assert [image.dtype for image in found] == [np.uint8, np.float64]


@each_transformer
def test_results_share_no_memory_with_the_input(transformer):
    images = [grey_images(1, (8, 9))[0], grey_images(1, (12, 7))[0]]
    for image in transformer.fit_transform(images):
        assert not any(np.shares_memory(image, given) for given in images)


@each_transformer
def test_read_only_input_is_read(transformer):
    images = colour_images()
    expected = transformer.fit_transform(images)
    images.flags.writeable = False
    assert_equal_images(transformer.fit_transform(images), expected)


# ---------------------------------------------------------------------------- rows


@each_row_transformer
@pytest.mark.parametrize(
    "images", [grey_images(), colour_images()], ids=["grey", "rgb"]
)
def test_rows_give_rows_of_the_same_images(transformer, images):
    rows = images.reshape(len(images), -1)
    expected = transformer.fit_transform(images)
    with_shape = transformer.__class__(**transformer.get_params())
    with_shape.set_params(image_shape=images.shape[1:])
    found = with_shape.fit_transform(rows)
    np.testing.assert_array_equal(found, expected.reshape(len(images), -1))
    assert found.dtype == expected.dtype
    names = with_shape.get_feature_names_out()
    assert len(names) == found.shape[1]


def test_crops_of_rows_are_images():
    rows = grey_images(size=(9, 9)).reshape(3, 81)
    crops = ForegroundSegmenter(output="crop").fit_transform(rows)
    assert crops.shape == (3, 3, 4)


@each_row_transformer
@pytest.mark.parametrize("how", ["method", "context"])
def test_frames_of_rows_give_frames(transformer, how):
    frame = pd.DataFrame(
        grey_images(size=(6, 6)).reshape(3, 36) / 255,
        columns=[f"p{k}" for k in range(36)],
        index=["a", "b", "c"],
    )
    fresh = transformer.__class__(**transformer.get_params())
    expected = fresh.fit_transform(frame)
    if how == "method":
        found = fresh.set_output(transform="pandas").fit_transform(frame)
    else:
        with config_context(transform_output="pandas"):
            found = fresh.fit_transform(frame)
    assert found.index.tolist() == ["a", "b", "c"]
    assert found.columns.tolist() == fresh.get_feature_names_out().tolist()
    np.testing.assert_array_equal(found, expected)
    if found.shape[1] == 36:
        assert found.columns[0] == "p0"


@each_transformer
def test_images_have_no_column_names(transformer):
    fresh = transformer.__class__(**transformer.get_params()).fit(grey_images())
    with pytest.raises(NotFittedError, match="columns of flattened rows only"):
        fresh.get_feature_names_out()


def test_fit_on_images_forgets_rows():
    denoiser = ImageDenoiser().fit(np.zeros((2, 36)))
    assert denoiser.n_features_in_ == 36
    denoiser.fit(np.zeros((2, 5, 5)))
    assert not hasattr(denoiser, "n_features_in_")
    assert denoiser.transform(np.zeros((2, 49))).shape == (2, 49)


@each_transformer
def test_bad_data_in_fit_lose_nothing(transformer):
    fresh = transformer.__class__(**transformer.get_params())
    fresh.fit(np.zeros((2, 36)))
    before = dict(vars(fresh))
    bad = np.zeros((2, 25))
    bad[1, 0] = np.inf
    for X in (bad, bad.reshape(2, 5, 5), ["no file"], np.zeros((0, 4, 4))):
        with pytest.raises(ValueError, match=r"row 1|'no file' in row 0|0 sample"):
            fresh.fit(X)
        assert vars(fresh) == before


@each_transformer
def test_transform_needs_no_fit(transformer):
    fresh = transformer.__class__(**transformer.get_params())
    assert_equal_images(
        fresh.transform(grey_images()), transformer.fit_transform(grey_images())
    )


def test_a_pipeline_of_tables_takes_rows():
    images, y = grey_images(12, (6, 6)), np.arange(12) % 2
    images[y == 1] //= 3
    pipeline = make_pipeline(
        ImageDenoiser(method="median", strength=0.05),
        ImageResizer(size=3),
        LogisticRegression(),
    )
    assert pipeline.fit(images.reshape(12, 36) / 255, y).score(
        images.reshape(12, 36) / 255, y
    ) == pytest.approx(1)


@each_transformer
@pytest.mark.parametrize("form", [np.array, list, lambda X: [*X[:2], X[2][:5]]])
def test_nan_in_transform_names_the_row(transformer, form):
    images = grey_images().astype(float)
    images[1, 3, 3] = np.nan
    with pytest.raises(ValueError, match=r"row 1.*(NaN|infinite)"):
        transformer.transform(form(images))


def test_nan_in_a_file_names_the_row(tmp_path):
    good = np.zeros((4, 5), dtype=np.float32)
    bad = good.copy()
    bad[1, 1] = np.nan
    paths = [tmp_path / "good.tiff", tmp_path / "bad.tiff"]
    for image, path in zip((good, bad), paths, strict=True):
        Image.fromarray(image).save(path)
    with pytest.raises(ValueError, match=r"row 1.*(NaN|infinite)"):
        ImageDenoiser().fit_transform(paths)


# -------------------------------------------------------------------------- reader


def test_reader_converts_channels_of_arrays_too():
    colours = colour_images()
    grey = ImageReader(channels=1).fit_transform(colours)
    luma = np.rint(colours @ [0.299, 0.587, 0.114])
    assert grey.shape == (3, 8, 9)
    np.testing.assert_allclose(grey, luma, atol=1)
    repeated = ImageReader(channels=3).fit_transform(grey)
    np.testing.assert_array_equal(repeated, np.stack([grey] * 3, axis=3))


def test_reader_refuses_five_channels():
    images = np.zeros((2, 4, 4, 5))
    with pytest.raises(ValueError, match=r"ImageReader\(channels=1\) got .* of 5"):
        ImageReader(channels=1).fit_transform(images)
    assert ImageReader().fit_transform(images).shape == (2, 4, 4, 5)


# -------------------------------------------------------------------------- resizer


@pytest.mark.parametrize("resize", ["letterbox", "stretch", "crop"])
def test_resizer_equals_the_estimators_resizing(resize, seed):
    from skmultigran.images import resize_images

    images = np.random.default_rng(seed).integers(0, 256, (2, 13, 20, 3), np.uint8)
    unit = torch.from_numpy(images / 255).permute(0, 3, 1, 2)
    expected = resize_images(unit, (8, 9), resize).permute(0, 2, 3, 1).numpy()
    found = ImageResizer(size=(8, 9), resize=resize).fit_transform(images)
    np.testing.assert_allclose(found, 255 * expected, atol=0.51)
    as_floats = ImageResizer(size=(8, 9), resize=resize).fit_transform(images / 255)
    np.testing.assert_allclose(as_floats, expected, atol=1e-12)


def test_right_size_is_copied_exactly():
    images = np.random.default_rng(0).normal(0, 1e6, (2, 5, 6))
    found = ImageResizer(size=(5, 6)).fit_transform(images)
    np.testing.assert_array_equal(found, images)
    assert not np.shares_memory(found, images)


@pytest.mark.parametrize("size", [(4,), (4, 5, 6), (4, 2.5), (0, 3), "32"])
def test_wrong_size_is_named(size):
    with pytest.raises(ValueError, match="size"):
        ImageResizer(size=size).fit(grey_images())
