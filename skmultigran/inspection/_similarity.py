"""How much of what one granularity knows another one knows too."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch

from skmultigran.inspection._blocks import granularity_blocks

_FEWEST_IMAGES = 4


def granularity_similarity(estimator, X):
    """Return the similarity of each pair of granularities: linear CKA [1]_.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of whole images, the transformer, a pipeline with one of
        them, or a fitted search over these.
    X : array-like of at least 4 images
        Images accepted by the estimator. A few hundred are enough.

    Returns
    -------
    Bunch
        With the attributes:

        similarity : ndarray of shape (n_granularities, n_granularities)
            Symmetric, with ones on the diagonal. Near 1: the two represent the images
            in the same way, up to rotation and scale; near 0: they have nothing in
            common. NaN if a granularity is the same for all images.
        granularities : list of str
            Their names, from fine to coarse.

    Raises
    ------
    TypeError
        If the estimator has no granularities.
    ValueError
        If there are fewer than 4 images.

    Notes
    -----
    The estimate is unbiased [2]_: the plain one is close to 1 for any features if there
    are more columns than images. Small similarities may be negative. It needs memory
    for a few matrices of shape (n, n).

    For the transformer its columns are compared, for other estimators the inputs of the
    fusion.

    References
    ----------
    .. [1] S. Kornblith et al., "Similarity of Neural Network Representations
       Revisited", ICML 2019, arXiv 1905.00414.
    .. [2] L. Song et al., "Feature Selection via Dependence Maximization", JMLR 13,
       2012.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityTransformer
    >>> from skmultigran.inspection import granularity_similarity
    >>> X, _ = load_digits(return_X_y=True)
    >>> found = granularity_similarity(MultiGranularityTransformer().fit(X), X[:200])
    >>> found.similarity.shape
    (2, 2)
    """
    blocks = granularity_blocks(estimator, X, "granularity_similarity")
    if len(blocks.rows) < _FEWEST_IMAGES:
        raise ValueError(
            f"granularity_similarity got {len(blocks.rows)} images; it needs at least "
            f"{_FEWEST_IMAGES}, and some hundreds to say much."
        )
    tables = [_centred(blocks.rows[:, part]) for part in blocks.slices.values()]
    products = np.array([[np.sum(one * other) for other in tables] for one in tables])
    norms = np.sqrt(np.maximum(np.diagonal(products), 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        similarity = products / np.outer(norms, norms)
    return Bunch(similarity=similarity, granularities=list(blocks.slices))


def _centred(columns):
    """Return similarities of all images, U-centred as in Székely and Rizzo (2014)."""
    columns = columns.astype(np.float64)
    columns = columns - columns.mean(axis=0)
    table = columns @ columns.T
    n = len(table)
    np.fill_diagonal(table, 0)
    means = table.sum(axis=0) / (n - 2)
    table -= means[:, None] + means - table.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(table, 0)
    return table
