"""Linear models in closed form, against those of scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.covariance import shrunk_covariance
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge

from skmultigran.training._linear_models import DiscriminantSolver, RidgeSolver

# More rows than columns, and fewer: the two ways of solving.
SHAPES = pytest.mark.parametrize("shape", [(60, 7), (20, 45)], ids=["tall", "wide"])
SHRINKAGES = (0.1, 0.7, 1.0)


@pytest.fixture
def drawn():
    def draw(shape, n_outputs=3):
        generator = np.random.default_rng(0)
        codes = np.arange(shape[0]) % n_outputs
        columns = generator.normal(size=shape) * np.linspace(0.5, 2, shape[1])
        columns[:, :3] += codes[:, None]
        return columns, codes, generator

    return draw


def tensors(*arrays):
    return [torch.from_numpy(np.asarray(array)) for array in arrays]


@SHAPES
def test_discriminants_are_those_of_scikit_learn(drawn, shape):
    columns, codes, _ = drawn(shape)
    models = DiscriminantSolver(3).solve(
        *tensors(columns, codes, np.ones(len(codes))), SHRINKAGES
    )
    for shrinkage, model in zip(SHRINKAGES, models, strict=True):
        peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
        peer.fit(columns, codes)
        found = model.outputs(torch.from_numpy(columns)).softmax(1).numpy()
        np.testing.assert_allclose(found, peer.predict_proba(columns), atol=1e-8)


@SHAPES
def test_ridge_is_that_of_scikit_learn(drawn, shape):
    columns, codes, generator = drawn(shape)
    targets = np.stack([codes, generator.normal(size=len(codes))], axis=1)
    weights = generator.uniform(0.5, 2, len(codes))
    models = RidgeSolver().solve(*tensors(columns, targets, weights), SHRINKAGES[:2])
    mean = np.average(columns, axis=0, weights=weights)
    variance = np.average((columns - mean) ** 2, axis=0, weights=weights).mean()
    for shrinkage, model in zip(SHRINKAGES, models, strict=False):
        alpha = shrinkage / (1 - shrinkage) * variance * weights.sum()
        peer = Ridge(alpha=alpha).fit(columns, targets, sample_weight=weights)
        found = model.outputs(torch.from_numpy(columns)).numpy()
        np.testing.assert_allclose(found, peer.predict(columns), atol=1e-8)


def test_the_covariance_is_shrunken_as_by_scikit_learn(drawn):
    columns, codes, _ = drawn((60, 7), n_outputs=2)
    (model,) = DiscriminantSolver(2).solve(*tensors(columns, codes, np.ones(60)), [0.3])
    means = np.stack([columns[codes == k].mean(0) for k in range(2)])
    within = shrunk_covariance(np.cov((columns - means[codes]).T, bias=True), 0.3)
    expected = np.linalg.solve(within, means[1] - means[0])
    np.testing.assert_allclose(model.weight[:, 1] - model.weight[:, 0], expected)


@SHAPES
@pytest.mark.parametrize("solver", [DiscriminantSolver(3), RidgeSolver()])
def test_a_weight_of_two_is_a_row_twice(drawn, shape, solver):
    columns, codes, generator = drawn(shape)
    discrete = isinstance(solver, DiscriminantSolver)
    targets = codes if discrete else generator.normal(size=(len(codes), 2))
    weights = np.r_[np.full(9, 2.0), np.ones(len(codes) - 9)]
    twice = np.r_[np.arange(9), np.arange(len(codes))]
    (weighted,) = solver.solve(*tensors(columns, targets, weights), [0.4])
    (repeated,) = solver.solve(
        *tensors(columns[twice], targets[twice], np.ones(len(twice))), [0.4]
    )
    np.testing.assert_allclose(weighted.weight, repeated.weight, atol=1e-9)
    np.testing.assert_allclose(weighted.bias, repeated.bias, atol=1e-9)


def test_columns_that_are_all_alike_give_the_priors():
    columns = np.ones((8, 4))
    codes = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    (model,) = DiscriminantSolver(2).solve(*tensors(columns, codes, np.ones(8)), [0.4])
    found = model.outputs(torch.ones(1, 4, dtype=torch.float64)).softmax(1)
    np.testing.assert_allclose(found, [[0.75, 0.25]])


def test_a_class_without_rows_is_never_predicted(drawn):
    columns, codes, _ = drawn((60, 7))
    (model,) = DiscriminantSolver(4).solve(*tensors(columns, codes, np.ones(60)), [0.4])
    probabilities = model.outputs(torch.from_numpy(columns)).softmax(1)
    assert (probabilities[:, 3] == 0).all()
    assert probabilities.isfinite().all()


def test_the_factor_makes_logits_honest():
    generator = torch.Generator().manual_seed(0)
    honest = torch.randn(4000, 3, generator=generator) * 2
    targets = honest.softmax(1).multinomial(1, generator=generator)[:, 0]
    solver, weights = DiscriminantSolver(3), torch.ones(4000)
    factor, loss = solver.calibrated(honest * 20, targets, weights)
    assert factor == pytest.approx(1 / 20, rel=0.1)
    expected = torch.nn.functional.cross_entropy(honest, targets)
    assert loss == pytest.approx(float(expected), rel=0.01)


def test_nothing_is_calibrated_on_classes_that_were_left_out():
    outputs = torch.tensor([[0.0, -math.inf]])
    found = DiscriminantSolver(2).calibrated(outputs, torch.tensor([1]), torch.ones(1))
    assert found == (1.0, math.inf)


def test_a_shrinkage_that_is_too_small_is_named(drawn):
    columns, codes, _ = drawn((60, 7))
    columns = np.repeat(columns, 2, axis=1) * 1e8
    with pytest.raises(ValueError, match=r"shrinkage=1e-30.*Take a larger one"):
        DiscriminantSolver(3).solve(*tensors(columns, codes, np.ones(60)), [1e-30])
