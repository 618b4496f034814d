"""An image has one answer, whatever company it is predicted in."""

import numpy as np
import pytest
import torch

from skmultigran import ConvNetBackbone, PooledHead
from skmultigran._network import NetworkRecipe, Normalisation
from skmultigran._registry import FUSIONS
from skmultigran.training import _prediction, predict_outputs
from skmultigran.training._prediction import prediction_batch_size


def network_for(shape, fusion="concat"):
    torch.manual_seed(0)
    channels = shape[2]
    return (
        NetworkRecipe(
            ConvNetBackbone(),
            FUSIONS.recipe(fusion),
            PooledHead(),
            (1.0, 0.5),
            channels,
            shape[:2],
            3,
            Normalisation([0.5] * channels, [0.3] * channels),
        )
        .build()
        .eval()
    )


def predict(network, source, **kwargs):
    return predict_outputs(network, source, "cpu", **kwargs)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(_prediction, "_LARGEST_BATCH", 16)


SHAPES = [(8, 8, 1), (9, 7, 3), (1, 20, 1), (1, 1, 1), (1, 1, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [15, 16, 17, 33])
def test_image_has_the_same_output_bit_for_bit_in_any_batch(shape, n, source_of):
    network = network_for(shape)
    images = np.random.default_rng(0).random((n, *shape), dtype=np.float32)
    together = predict(network, source_of(images))
    assert together.shape == (n, 3)
    for row in (0, n // 2, n - 1):
        alone = predict(network, source_of(images[row : row + 1]))
        assert torch.equal(alone[0], together[row])


@pytest.mark.parametrize("fusion", FUSIONS.names())
def test_order_of_the_images_does_not_matter(fusion, source_of):
    network = network_for((8, 8, 1), fusion)
    images = np.random.default_rng(0).random((20, 8, 8), dtype=np.float32)
    order = np.random.default_rng(1).permutation(20)
    expected = predict(network, source_of(images))[order]
    assert torch.equal(predict(network, source_of(images[order])), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_kept_and_fresh_images_have_the_same_output(shape, source_of):
    network = network_for(shape)
    images = np.random.default_rng(0).random((20, *shape))
    fresh = predict(network, source_of(images))
    assert torch.equal(predict(network, source_of(images).keep()), fresh)


def test_layout_of_the_array_does_not_matter(source_of):
    network = network_for((8, 8, 3))
    images = np.random.default_rng(0).random((16, 8, 8, 3))
    moved = np.moveaxis(np.moveaxis(images, -1, 1).copy(), 1, -1)
    expected = predict(network, source_of(images))
    assert torch.equal(predict(network, source_of(moved)), expected)


def test_outputs_equal_the_network_on_the_whole(source_of):
    network = network_for((8, 8, 1))
    images = np.random.default_rng(0).random((37, 8, 8), dtype=np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(images)[:, None])
    found = predict(network, source_of(images))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)


def test_every_batch_has_one_size_where_asked_for(source_of):
    network, sizes = network_for((8, 8, 1)), []
    network.register_forward_pre_hook(lambda module, x: sizes.append(len(x[0])))
    predict(network, source_of(np.zeros((35, 8, 8))), one_size=True)
    predict(network, source_of(np.zeros((2, 8, 8))), one_size=True)
    assert sizes == [16] * 4


@pytest.mark.parametrize(
    ("n", "side", "expected"),
    [
        (1, 32, [1]),
        (2, 32, [2]),
        (5, 32, [8]),
        (16, 32, [16]),
        (17, 32, [16, 16]),
        (1, 16, [4]),
        (1, 8, [16]),
    ],
)
def test_a_few_images_are_padded_to_a_power_of_two(n, side, expected, source_of):
    network, sizes = network_for((side, side, 1)), []
    network.register_forward_pre_hook(lambda module, x: sizes.append(len(x[0])))
    predict(network, source_of(np.zeros((n, side, side))))
    assert sizes == expected


@pytest.mark.parametrize(
    ("image_size", "expected"),
    [((8, 8), 128), ((32, 32), 128), ((64, 64), 32), ((224, 224), 2), ((999, 999), 1)],
)
def test_batch_size_is_bounded_by_pixels(image_size, expected, monkeypatch):
    monkeypatch.setattr(_prediction, "_LARGEST_BATCH", 128)
    assert prediction_batch_size(image_size) == expected
