"""Flattened rows become images again, and what does not fit is told."""

import numpy as np
import pytest

from skmultigran.images import ImageShape, infer_image_shape


@pytest.mark.parametrize(
    ("shape", "image_shape", "expected"),
    [
        ((9, 64), None, (8, 8, 1)),
        ((9, 784), None, (28, 28, 1)),
        ((9, 1), None, (1, 1, 1)),
        ((9, 20), None, (1, 20, 1)),
        ((9, 48), None, (1, 48, 1)),
        ((9, 3072), (32, 32, 3), (32, 32, 3)),
        ((9, 64), (4, 16), (4, 16, 1)),
        ((9, 64), [4, 16], (4, 16, 1)),
        ((9, 64), np.array([4, 4, 4]), (4, 4, 4)),
        ((9, 64), (1, 64), (1, 64, 1)),
        ((9, 5, 7), None, (5, 7, 1)),
        ((9, 5, 7, 3), None, (5, 7, 3)),
        ((9, 5, 7), (5, 7), (5, 7, 1)),
        ((9, 5, 7, 3), (5, 7, 3), (5, 7, 3)),
        ((9, 1, 1, 1), None, (1, 1, 1)),
    ],
)
def test_known_shapes(shape, image_shape, expected):
    found = infer_image_shape(shape, image_shape)
    assert found == ImageShape(*expected)
    assert {type(value) for value in found} == {int}


def test_size_and_number_of_features():
    shape = ImageShape(4, 6, 3)
    assert (shape.size, shape.n_features) == ((4, 6), 72)


@pytest.mark.parametrize("columns", [50, 97, 3072])
def test_long_line_is_read_with_a_warning(columns):
    with pytest.warns(UserWarning, match=f"X has {columns} columns.*one grey line"):
        shape = infer_image_shape((9, columns), None)
    assert shape == ImageShape(1, columns, 1)


def test_warning_lists_shapes_that_fit():
    with pytest.warns(UserWarning, match=r"\(48, 64\), \(32, 32, 3\), \(24, 32, 4\)"):
        infer_image_shape((9, 3072), None)


@pytest.mark.parametrize("image_shape", [(32, 32), (32, 32, 4), (3072, 3072)])
def test_wrong_image_shape_lists_shapes_that_fit(image_shape):
    with pytest.raises(
        ValueError, match=r"3072 columns.*fit: \(48, 64\), \(32, 32, 3\)"
    ):
        infer_image_shape((9, 3072), image_shape)


def test_wrong_image_shape_says_what_it_would_need():
    with pytest.raises(
        ValueError, match=r"image_shape=\(7, 9\) needs rows of 63 values"
    ):
        infer_image_shape((9, 64), (7, 9))


@pytest.mark.parametrize("columns", [64, 97, 784, 3072, 2028])
def test_listed_shapes_use_all_columns(columns):
    with pytest.raises(ValueError, match="would fit") as caught:
        infer_image_shape((2, columns), (columns, columns))
    listed = str(caught.value).partition("fit: ")[2].rstrip(".").split("), (")
    shapes = [tuple(int(v) for v in text.strip("()").split(", ")) for text in listed]
    assert [np.prod(shape) for shape in shapes] == [columns] * len(shapes)


@pytest.mark.parametrize("image_shape", [(4, 6), (6, 5), (5, 6, 3)])
def test_image_shape_that_contradicts_an_array(image_shape):
    with pytest.raises(ValueError, match=r"shape \(5, 6, 1\). Leave image_shape=None"):
        infer_image_shape((9, 5, 6), image_shape)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(32, 32), (24, 32), (8, 8), (16, 16)])
def test_channels_first_is_suspected(channels, size):
    match = rf"{size[1]} channels.*np\.moveaxis\(X, 1, -1\)"
    with pytest.warns(UserWarning, match=match):
        shape = infer_image_shape((9, channels, *size), None)
    assert shape == ImageShape(channels, *size)


@pytest.mark.parametrize(
    "shape",
    [(9, 3, 32, 4), (9, 1, 64, 16), (9, 3, 3, 3), (9, 1, 4, 4), (9, 32, 32, 32)],
)
def test_thin_images_and_many_channels_are_not_suspected(shape):
    assert infer_image_shape(shape, None) == ImageShape(*shape[1:])


@pytest.mark.parametrize(
    "image_shape",
    [
        (),
        (64,),
        (2, 2, 4, 4),
        (0, 64),
        (-8, -8),
        (8.0, 8.0),
        (8, None),
        "ab",
        (8, 8, 0),
    ],
)
def test_bad_image_shape(image_shape):
    with pytest.raises(
        ValueError, match=r"must be \(height, width\) or .* positive int"
    ):
        infer_image_shape((9, 64), image_shape)


@pytest.mark.parametrize("shape", [(9, 0, 5), (9, 5, 0, 3), (9, 5, 5, 0)])
def test_images_without_pixels(shape):
    with pytest.raises(ValueError, match="of images without pixels.*no side"):
        infer_image_shape(shape, None)
