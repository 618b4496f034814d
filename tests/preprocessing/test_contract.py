"""What every image transformer promises, and scikit-learn's checks, counted."""

import pickle

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from skmultigran import (
    ForegroundSegmenter,
    ImageDenoiser,
    ImageEnhancer,
    ImageReader,
    ImageResizer,
)

DENOISERS = [
    ImageDenoiser(method=method)
    for method in (
        "gaussian",
        "median",
        "bilateral",
        "total_variation",
        "non_local_means",
        "wavelet",
    )
]
ENHANCERS = [
    ImageEnhancer(method=method)
    for method in ("contrast", "equalize", "clahe", "gamma", "unsharp")
]
SEGMENTERS = [
    ForegroundSegmenter(method=method)
    for method in ("otsu", "li", "adaptive", "felzenszwalb", "slic")
]
SAME_SIZE = [*DENOISERS, *ENHANCERS, *SEGMENTERS, ImageReader()]
ALL = [*SAME_SIZE, ForegroundSegmenter(output="crop"), ImageResizer(size=8)]
CHECKED = [
    *SAME_SIZE,
    ImageResizer(size=4),
    ForegroundSegmenter(output="mask"),
    ForegroundSegmenter(output="crop"),
]


def pictures(n=4, shape=(12, 10, 3), dtype=np.uint8):
    """Bright squares on a dark, noisy ground."""
    rng = np.random.default_rng(0)
    images = rng.integers(10, 40, (n, *shape))
    images[:, 3:8, 3:7] += 180
    return (images / 255 if np.dtype(dtype).kind == "f" else images).astype(dtype)


@parametrize_with_checks(CHECKED)
# Skipped by scikit-learn unless an environment variable asks for it: array API input.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_sklearn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED, ids=repr)
def test_the_number_of_sklearn_checks(estimator):
    # A mask has a type of its own, so one check fewer.
    expected = 45 if getattr(estimator, "output", None) == "mask" else 46
    assert len(list(estimator_checks_generator(estimator))) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [(), (1,), (3,), (5,)])
@pytest.mark.parametrize("transformer", SAME_SIZE, ids=repr)
def test_shape_type_and_input_stay(transformer, channels, dtype):
    images = pictures(shape=(12, 10, *channels), dtype=dtype)
    before = images.copy()
    changed = transformer.fit_transform(images)
    assert changed.dtype == dtype
    assert changed.shape == images.shape
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("dtype", [bool, np.int16, np.int64, np.float16])
@pytest.mark.parametrize("transformer", SAME_SIZE, ids=repr)
def test_other_types_stay(transformer, dtype):
    images = (pictures() // 2).astype(dtype)
    changed = transformer.fit_transform(images)
    assert changed.dtype == dtype
    assert np.isfinite(changed.astype(float)).all()


@pytest.mark.parametrize("transformer", ALL, ids=repr)
def test_an_image_does_not_depend_on_its_company(transformer):
    images = pictures()
    whole = transformer.fit_transform(images)
    alone = transformer.transform(images[2:3])
    np.testing.assert_array_equal(np.asarray(whole[2]), np.asarray(alone[0]))
    turned = transformer.transform(images[::-1])
    np.testing.assert_array_equal(np.asarray(turned[1]), np.asarray(whole[2]))


@pytest.mark.parametrize("transformer", ALL, ids=repr)
@pytest.mark.parametrize("size", [(1, 1), (3, 1)])
def test_tiny_and_constant_images(transformer, size):
    images = np.full((2, *size, 3), 7, dtype=np.uint8)
    changed = transformer.fit_transform(images)
    assert len(changed) == 2
    assert all(image.size for image in changed)


@pytest.mark.parametrize("transformer", ALL, ids=repr)
def test_different_sizes_and_files(transformer, tmp_path):
    images = [pictures(1)[0], pictures(1, (9, 14, 3))[0]]
    paths = []
    for i, image in enumerate(images):
        paths.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(image).save(paths[-1])
    of_arrays = transformer.fit_transform(images)
    of_paths = transformer.fit_transform(paths)
    of_threads = clone(transformer).set_params(n_jobs=2).fit_transform(paths)
    for row in range(2):
        np.testing.assert_array_equal(of_arrays[row], of_paths[row])
        np.testing.assert_array_equal(of_arrays[row], of_threads[row])


@pytest.mark.parametrize("transformer", ALL, ids=repr)
def test_copies_and_outputs(transformer):
    images = pictures()
    expected = list(transformer.fit_transform(images))
    for copy in (clone(transformer), pickle.loads(pickle.dumps(transformer))):
        copy.set_output(transform="pandas")
        for got, wanted in zip(copy.fit_transform(images), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("transformer", ALL, ids=repr)
def test_nan_names_the_row(transformer):
    images = pictures(dtype=np.float64)
    images[2, 3, 3] = np.nan
    with pytest.raises(ValueError, match="row 2"):
        transformer.fit(images).transform(images)


@pytest.mark.parametrize(
    ("transformer", "match"),
    [
        (ImageDenoiser(method="magic"), "'method' parameter of ImageDenoiser"),
        (ImageEnhancer(method="clahe", amount=-1.0), "amount=-1.0"),
        (ForegroundSegmenter(output="hole"), "'output' parameter"),
        (ImageResizer(size=0), "size"),
    ],
)
def test_bad_parameters_raise_in_fit_and_transform(transformer, match):
    for method in (transformer.fit, transformer.transform):
        with pytest.raises(ValueError, match=match):
            method(pictures())
