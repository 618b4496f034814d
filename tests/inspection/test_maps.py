import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmultigran import (
    MultiGranularityClassifier,
    MultiGranularityRegressor,
    PooledHead,
)
from skmultigran.inspection import granularity_maps

QUICK = {
    "trainable": "head",
    "max_epochs": 30,
    "batch_size": 16,
    "lr": 0.05,
    "random_state": 0,
    "value_range": (0, 1),
}


def _left_over(found):
    """Return how far the sums of the evidence are from what they should add up to."""
    total = found.baseline + found.fused.sum(axis=(1, 2))
    return np.abs(total - found.outputs)


@pytest.mark.parametrize("n_steps", [1, 16])
@pytest.mark.parametrize("fusion", ["concat", "weighted"])
def test_of_linear_fusions_evidence_adds_up_exactly(fitted, digits, fusion, n_steps):
    X, y = digits
    model = fitted(fusion)
    found = granularity_maps(model, X[:40], target=y[:40], n_steps=n_steps)
    assert found.maps.shape == (40, 2, 8, 8)
    assert_array_equal(found.fused, found.maps.sum(axis=1))
    logits = model.decision_function(X[:40])
    expected = logits[np.arange(40), y[:40]] - logits.mean(axis=1)
    assert_allclose(found.outputs, expected, atol=1e-4)
    assert _left_over(found).max() < 1e-4


@pytest.mark.parametrize("fusion", ["gated", "attention", "fpn"])
def test_of_other_fusions_it_adds_up_the_closer_the_more_steps(fitted, digits, fusion):
    few, many = (
        granularity_maps(fitted(fusion), digits[0][:20], n_steps=n) for n in (1, 128)
    )
    left = [np.median(_left_over(found)) for found in (few, many)]
    assert left[1] < 0.02 * np.median(np.abs(many.outputs))
    assert left[1] < 0.5 * left[0]


def test_of_averages_it_is_the_class_activation_map(textured, separate):
    X, y, _ = textured
    head = PooledHead(pooling=("avg",), grid=(1,))
    model = MultiGranularityClassifier(backbone=separate, head=head, **QUICK).fit(X, y)
    found = granularity_maps(model, X[:8], target=y[:8])
    head = model.network_.head
    factor = head.norm.weight / torch.sqrt(head.norm.running_var + head.norm.eps)
    weights = (head.linear.weight * factor * head.scale).detach().numpy()
    weights = (weights - weights.mean(axis=0))[y[:8]]  # (8, 2)
    means = X[:8].reshape(8, 4, 4, 4, 4).mean(axis=(2, 4))
    texture = np.abs(X[:8] - np.kron(means, np.ones((1, 4, 4))))
    assert_allclose(
        found.maps[:, 0], weights[:, 0, None, None] * texture / 256, atol=1e-5
    )
    coarse = found.maps[:, 1].sum(axis=(1, 2))
    assert_allclose(coarse, weights[:, 1] * means.mean(axis=(1, 2)), atol=1e-4)


def test_evidence_lies_where_the_texture_is(separate):
    generator = np.random.default_rng(0)
    y = np.arange(48) % 2
    X = np.full((48, 16, 16), 0.5, dtype=np.float32)
    corners = generator.integers(0, 2, size=(48, 2)) * 8
    checks = (np.indices((8, 8)).sum(axis=0) % 2 - 0.5) * 0.4
    for image, (row, column), textured in zip(X, corners, y, strict=True):
        image[row : row + 8, column : column + 8] += checks * textured
    model = MultiGranularityClassifier(backbone=separate, **QUICK).fit(X, y)
    assert model.score(X, y) == 1
    found = granularity_maps(model, X[y == 1], target=1)
    for evidence, (row, column) in zip(found.maps[:, 0], corners[y == 1], strict=True):
        inside = evidence[row : row + 8, column : column + 8]
        assert inside.sum() > 0
        assert inside.sum() == pytest.approx(evidence.sum(), abs=1e-5)


def test_no_target_is_the_predicted_class(fitted, digits):
    model, X = fitted("concat"), digits[0][:20]
    found = granularity_maps(model, X)
    predicted = model.predict(X)
    assert_array_equal(model.classes_[found.targets], predicted)
    assert_array_equal(found.maps, granularity_maps(model, X, target=predicted).maps)


def test_maps_of_an_image_do_not_depend_on_the_others(fitted, digits):
    model = fitted("attention")
    together = granularity_maps(model, digits[0][:40], n_steps=4).maps
    alone = granularity_maps(model, digits[0][35:36], n_steps=4).maps
    assert_allclose(together[35:36], alone, atol=1e-5)


@pytest.mark.parametrize("parts", [["head"], ["head", "pyramid"], ["pyramid"]])
def test_maps_of_random_weights_are_others(fitted, digits, parts):
    """The sanity check of Adebayo et al. (2018): maps show what was learned."""
    X, y = digits[0][:60], digits[1][:60]
    model = fitted("concat")
    random = model.network_recipe_.build().eval()
    changed = copy.deepcopy(model)
    for part in parts:
        state = getattr(random, part).state_dict()
        getattr(changed.network_, part).load_state_dict(state)
    learned, other, again = (
        granularity_maps(m, X, target=y).fused.reshape(60, -1)
        for m in (model, changed, copy.deepcopy(model))
    )
    assert np.mean([spearmanr(*p)[0] for p in zip(learned, again, strict=True)]) > 0.99
    assert np.mean([spearmanr(*p)[0] for p in zip(learned, other, strict=True)]) < 0.4


def test_of_numbers_the_prediction_is_divided(textured, separate):
    X, _, lit = textured
    y = np.column_stack([100 + 20 * lit, lit - 5.0])
    model = MultiGranularityRegressor(backbone=separate, **QUICK).fit(X, y)
    for column in (0, 1):
        found = granularity_maps(model, X[:10], target=column)
        expected = model.predict(X[:10])[:, column]
        assert_allclose(found.outputs, expected, rtol=1e-4)
        assert _left_over(found).max() < 1e-3
    single = MultiGranularityRegressor(backbone=separate, **QUICK).fit(X, y[:, 0])
    assert_allclose(
        granularity_maps(single, X[:3]).outputs, single.predict(X[:3]), 1e-4
    )


def test_images_are_those_that_the_network_sees(fitted, digits):
    X = digits[0][:3]
    model = make_pipeline(FunctionTransformer(lambda X: X / 2), fitted("concat"))
    found = granularity_maps(model, X)
    assert_allclose(found.images[..., 0], X.reshape(3, 8, 8) / 32)


def test_columns_of_labels_are_asked_for_by_number(textured, separate):
    X, *columns = textured
    model = MultiGranularityClassifier(backbone=separate, **QUICK)
    model.fit(X, np.column_stack(columns))
    found = granularity_maps(model, X[:5], target=1)
    assert_allclose(found.outputs, model.decision_function(X[:5])[:, 1], atol=1e-4)
    with pytest.raises(ValueError, match="needs target, a number from 0 to 1"):
        granularity_maps(model, X[:5])
    with pytest.raises(ValueError, match=r"targets \[2\], but .* numbers 0 to 1"):
        granularity_maps(model, X[:5], target=2)


def test_refuses_unknown_classes_and_models(fitted, digits):
    with pytest.raises(ValueError, match=r"maps got the targets \[11\], but .* \[0, 1"):
        granularity_maps(fitted("concat"), digits[0], target=11)
    with pytest.raises(ValueError, match=r"targets of shape \(2,\) for 3 images"):
        granularity_maps(fitted("concat"), digits[0][:3], target=[1, 2])
    with pytest.raises(TypeError, match="Ridge, which has no granularities"):
        granularity_maps(Ridge().fit(*digits), digits[0])
