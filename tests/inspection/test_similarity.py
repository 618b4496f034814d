import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmultigran import (
    HypercolumnTransformer,
    MultiGranularityTransformer,
    PooledHead,
)
from skmultigran.inspection import (
    GranularitySimilarityDisplay,
    granularity_similarity,
)
from skmultigran.inspection._similarity import _centred


def _cka(one, other):
    first, second = _centred(one), _centred(other)
    norms = np.sqrt(np.sum(first**2) * np.sum(second**2))
    return np.sum(first * second) / norms


def _direct_hsic(K, L):
    """Equation 5 of Song et al. (2012), term by term."""
    n = len(K)
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    one = np.ones(n)
    total = np.trace(K @ L) + (one @ K @ one) * (one @ L @ one) / (n - 1) / (n - 2)
    return (total - 2 / (n - 2) * (one @ K @ L @ one)) / (n * (n - 3))


def test_products_are_the_unbiased_estimate_of_the_paper():
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(12, 5)), generator.normal(size=(12, 3))
    found = np.sum(_centred(one) * _centred(other)) / (12 * 9)
    assert found == pytest.approx(_direct_hsic(one @ one.T, other @ other.T))


def test_rotation_scale_and_place_change_nothing_and_noise_has_nothing_in_common():
    generator = np.random.default_rng(0)
    columns = generator.normal(size=(80, 6))
    rotation = np.linalg.qr(generator.normal(size=(6, 6)))[0]
    assert _cka(columns, columns @ rotation * 7 + 3) == pytest.approx(1)
    # More columns than images, of which the biased estimate makes 0.8.
    noise = [generator.normal(size=(80, 300)) for _ in range(2)]
    assert abs(_cka(*noise)) < 0.1


def test_granularities_that_are_drawn_apart_have_nothing_in_common(textured, separate):
    head = PooledHead(pooling=("avg",), grid=(4,))
    transformer = MultiGranularityTransformer(backbone=separate, head=head)
    found = granularity_similarity(transformer.fit(textured[0]), textured[0])
    assert found.granularities == ["s1.00_l0", "s1.00_l1"]
    assert_allclose(np.diagonal(found.similarity), 1)
    assert abs(found.similarity[0, 1]) < 0.1


@pytest.mark.parametrize("fusion", ["concat", "fpn"])
def test_of_a_network_symmetric_and_below_one(fitted, digits, fusion):
    similarity = granularity_similarity(fitted(fusion), digits[0]).similarity
    assert_allclose(similarity, similarity.T)
    assert 0.05 < similarity[0, 1] < 1


def test_a_granularity_that_says_nothing_is_nan(separate):
    images = np.arange(8)[:, None, None] / 8 * np.ones((1, 8, 8))
    transformer = MultiGranularityTransformer(backbone=separate).fit(images)
    similarity = granularity_similarity(transformer, images).similarity
    assert np.isnan(similarity[0]).all()
    assert similarity[1, 1] == 1


def test_needs_some_images(digits):
    model = make_pipeline(MultiGranularityTransformer(), StandardScaler())
    model.fit(digits[0])
    with pytest.raises(ValueError, match="got 3 images; it needs at least 4"):
        granularity_similarity(model, digits[0][:3])


def test_rows_of_pixels_are_refused(textured):
    model = HypercolumnTransformer().fit(textured[0])
    with pytest.raises(TypeError, match=r"rows are pixels.*granularity_slices_"):
        granularity_similarity(model, textured[0])


def test_display_shows_the_numbers(fitted, digits, pyplot):
    display = GranularitySimilarityDisplay.from_estimator(fitted("concat"), digits[0])
    similarity = granularity_similarity(fitted("concat"), digits[0]).similarity
    assert_allclose(display.im_.get_array(), similarity)
    assert display.text_[0, 1].get_text() == f"{similarity[0, 1]:.2f}"
