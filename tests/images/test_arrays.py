"""Forms of images of one shape end as one array, without a copy where possible."""

import numpy as np
import pytest
import torch

from skmultigran.images import (
    ArrayImages,
    ListedImages,
    as_image_array,
    holds_images,
    open_images,
)


def opened(X):
    return open_images(X, owner="Owner")


PIXELS = np.arange(3 * 4 * 5 * 2, dtype=np.float64).reshape(3, 4, 5, 2)


def object_array(images):
    array = np.empty(len(images), dtype=object)
    array[:] = list(images)
    return array


class ArrayOfAnotherLibrary:
    """What HDF5, Zarr, xarray and JAX have in common."""

    def __init__(self, values):
        self.values, self.ndim, self.shape = values, values.ndim, values.shape

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype, copy=copy)

    def __len__(self):
        return len(self.values)


FORMS = {
    "array": lambda images: images,
    "array of another library": ArrayOfAnotherLibrary,
    "list of arrays": list,
    "tuple of arrays": tuple,
    "nested lists": lambda images: images.tolist(),
    "torch tensor": torch.from_numpy,
    "list of tensors": lambda images: [torch.from_numpy(image) for image in images],
    "object array": object_array,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("images", [PIXELS[..., 0], PIXELS], ids=["grey", "colour"])
def test_every_form_gives_the_same_array(form, images):
    X = FORMS[form](images.copy())
    assert holds_images(X)
    np.testing.assert_array_equal(opened(X).array, images, strict=True)


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((3, 64)),
        torch.zeros(3, 64),
        [[0.0] * 64] * 3,
        [np.zeros(64)] * 3,
        (np.zeros(64), np.zeros(64)),
        np.zeros(64),
        np.array([["a", "b"]], dtype=object),
        [],
        "a path",
        None,
    ],
    ids=lambda X: type(X).__name__,
)
def test_rows_and_other_things_are_not_taken_for_images(X):
    assert not holds_images(X)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.bool_, np.float32, ">u2"])
def test_dtype_stays(dtype):
    images = [np.zeros((2, 2), dtype=dtype)] * 2
    assert opened(images).array.dtype == np.dtype(dtype).newbyteorder("=")
    assert opened(np.stack(images)).array.dtype == np.stack(images).dtype


def test_memory_map_stays_a_view_of_its_buffer(tmp_path):
    np.save(tmp_path / "images.npy", PIXELS)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert np.shares_memory(as_image_array(mapped), mapped)


def test_tensor_stays_a_view_of_its_storage():
    tensor = torch.zeros(2, 3, 3)
    as_image_array(tensor)[0, 0, 0] = 7
    assert tensor[0, 0, 0] == 7


def test_tensor_that_needs_a_gradient_is_taken():
    images = torch.ones(2, 3, 3, requires_grad=True)
    assert (as_image_array(images) == 1).all()


@pytest.mark.parametrize("form", [lambda x: x, list], ids=["tensor", "list"])
def test_bfloat16_which_numpy_lacks_becomes_float32(form):
    images = torch.tensor([[[0.5, 1.0]], [[2.0, 0.25]]], dtype=torch.bfloat16)
    array = opened(form(images)).array
    assert array.dtype == np.float32
    assert array.tolist() == [[[0.5, 1.0]], [[2.0, 0.25]]]


@pytest.mark.parametrize("form", [np.zeros, torch.zeros], ids=["array", "tensor"])
def test_five_axes_are_refused(form):
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4, 5, 6\).*channels last"):
        as_image_array(form((2, 3, 4, 5, 6)))


def test_list_of_images_with_too_many_axes_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4, 5, 6\)"):
        opened([np.zeros((3, 4, 5, 6))] * 2)


@pytest.mark.parametrize("form", [list, object_array], ids=["list", "object array"])
@pytest.mark.parametrize("other", [(4, 6), (5, 4)])
def test_differing_shapes_are_read_one_by_one(form, other):
    images = opened(form([np.zeros((4, 5)), np.ones((4, 5)), np.zeros(other)]))
    assert isinstance(images, ListedImages)
    assert images.size is None
    assert images.sizes.tolist() == [[4, 5], [4, 5], list(other)]
    assert images.read(2).shape == (*other, 1)
    assert images.read(1).min() == 1


def test_differing_types_are_not_made_one():
    images = opened([np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.float32)])
    assert images.read(0).dtype == np.uint8
    assert images.read(1).dtype == np.float32


def test_flattened_rows_are_opened_with_their_shape():
    images = open_images(np.zeros((2, 30)), owner="Owner", image_shape=(2, 5, 3))
    assert isinstance(images, ArrayImages)
    assert images.read(1).shape == (2, 5, 3)
