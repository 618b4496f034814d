import pytest
import torch
from numpy.testing import assert_allclose

from skmultigran.inspection._evidence import map_evidence, spread


@pytest.mark.parametrize(
    ("cells", "stride", "size"),
    [
        ((4, 5), 2, (8, 10)),
        ((4, 4), 2, (7, 7)),
        ((3, 2), 8, (20, 9)),
        ((8, 8), 0.5, (4, 4)),
        ((6, 9), 4 / 3, (8, 12)),
        ((1, 1), 16, (5, 3)),
        ((7, 3), 1, (7, 3)),
    ],
)
def test_spreading_keeps_every_sum(cells, stride, size):
    values = torch.randn(3, *cells, dtype=torch.float64)
    found = spread(values, stride, size)
    assert found.shape == (3, *size)
    assert_allclose(found.sum((1, 2)), values.sum((1, 2)), atol=1e-12)


def test_a_map_of_the_images_size_stays_as_it_is():
    values = torch.randn(2, 5, 6)
    assert_allclose(spread(values, 1, (5, 6)), values)


def test_evidence_stays_where_its_cell_is():
    values = torch.zeros(1, 4, 4)
    values[0, 1, 2] = 1
    found = spread(values, 4, (16, 16))[0]
    assert found[4:8, 8:12].sum() > 0.5
    assert found[2:10, 6:14].sum() == pytest.approx(1)


def test_of_a_product_each_factor_gets_half():
    maps = [torch.tensor([[[[3.0]]]]), torch.tensor([[[[4.0]]]])]

    def product(maps):
        return (maps[0] * maps[1]).sum((1, 2, 3))

    # Gradients at the maps themselves would give 12 to both, twice of what there is.
    found = map_evidence(product, maps, n_steps=2)
    assert_allclose([float(evidence) for evidence in found], [6, 6])


@pytest.mark.parametrize("n_steps", [1, 5])
def test_of_a_linear_answer_the_products_of_weights_and_values(n_steps):
    map_, weights = torch.randn(2, 3, 4, 4), torch.randn(3, 4, 4)
    (found,) = map_evidence(
        lambda maps: (maps[0] * weights).sum((1, 2, 3)) + 7, [map_], n_steps
    )
    assert_allclose(found, (map_ * weights).sum(1), atol=1e-5)
