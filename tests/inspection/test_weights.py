import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmultigran.inspection import granularity_weights


@pytest.mark.parametrize("fusion", ["weighted", "gated", "attention"])
def test_rows_are_shares_of_the_granularities(fitted, digits, fusion):
    model = fitted(fusion)
    weights = granularity_weights(model, digits[0])
    assert weights.shape == (200, len(model.granularities_))
    assert weights.dtype == np.float32
    assert (weights >= 0).all()
    assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)


def test_weighted_shares_are_the_learned_numbers(fitted, digits):
    model = fitted("weighted")
    positive = torch.relu(model.network_.fusion.weights.weight.detach())
    expected = (positive / positive.sum()).numpy()
    weights = granularity_weights(model, digits[0])
    assert_allclose(weights, np.tile(expected, (200, 1)), rtol=1e-5)


def test_a_gate_that_is_shut_gives_no_share(fitted, digits):
    model = fitted("gated")
    last = model.network_.fusion.gate[-1]
    kept = {name: p.detach().clone() for name, p in last.named_parameters()}
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([0.0] * 64 + [-50.0] * 64))
        weights = granularity_weights(model, digits[0][:3])
        for name, parameter in last.named_parameters():
            parameter.copy_(kept[name])
    assert_allclose(weights, [[1, 0]] * 3, atol=1e-6)


def test_gates_differ_from_image_to_image(fitted, digits):
    assert granularity_weights(fitted("gated"), digits[0]).std(axis=0).min() > 0


def test_a_pipeline_gives_those_of_its_last_step(fitted, digits):
    halved = make_pipeline(FunctionTransformer(lambda X: X / 2), fitted("gated"))
    assert_array_equal(
        granularity_weights(halved, digits[0]),
        granularity_weights(fitted("gated"), digits[0] / 2),
    )


def test_refuses_a_fusion_without_weights(fitted, digits):
    with pytest.raises(ValueError, match="'concat', which does not weigh"):
        granularity_weights(fitted("concat"), digits[0])


def test_refuses_a_model_without_granularities(digits):
    with pytest.raises(TypeError, match="Ridge, which has no granularities"):
        granularity_weights(Ridge().fit(*digits), digits[0])
