"""How much each granularity counts in a fusion that weighs what it sees."""

from __future__ import annotations

from skmultigran.estimators import fusion_shares, read_images
from skmultigran.inspection._last_network import last_network
from skmultigran.training import predict_outputs


def granularity_weights(estimator, X):
    """Return the weight of each granularity in the fusion, for each image.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator with `fusion="weighted"`, "gated" or "attention", a pipeline
        that ends in one, or a fitted search over either.
    X : array-like
        Images accepted by the estimator.

    Returns
    -------
    ndarray of float32 of shape (n, n_granularities), or dict of str to ndarray
        In the order of `granularities_`; rows sum to one. For several tasks, one array
        each.

        - "weighted": learned weights, the same for all images.
        - "gated": averaged over channels.
        - "attention": fractions of the attention, averaged over heads, layers and the
          tokens that attend.

        For fusions applied to pooled maps, the mean over the grids of the head.

    Raises
    ------
    TypeError
        If the estimator has no granularities.
    ValueError
        If its fusion has no such weights.

    Notes
    -----
    Weights show what is combined, not what matters for the prediction: maps differ in
    magnitude, and the head may ignore parts of the fused maps. Use
    `granularity_importance` for that.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityClassifier
    >>> from skmultigran.inspection import granularity_weights
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = MultiGranularityClassifier(fusion="gated", max_epochs=1)
    >>> weights = granularity_weights(clf.fit(X[:200], y[:200]), X)
    >>> weights.shape
    (1797, 3)
    """
    model, X, _ = last_network(estimator, X, "granularity_weights")
    if hasattr(model, "granularity_weights"):
        return model.granularity_weights(X)
    shares = fusion_shares(model.network_, 1, model.fusion)
    source = model._source(read_images(model, X, reset=False))
    return predict_outputs(shares, source, model.device_).numpy()
