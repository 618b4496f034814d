"""How much each granularity counts in a fusion that weighs what it sees."""

from __future__ import annotations

from skmultigran.estimators import fusion_shares, read_images
from skmultigran.inspection._last_network import last_network
from skmultigran.training import predict_outputs


def granularity_weights(estimator, X):
    """Return the share of each granularity in what the fusion makes of each image.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator with `fusion="weighted"`, "gated" or "attention", or a
        pipeline that ends in one, or a fitted search over such.
    X : array-like
        Images, as the estimator takes them.

    Returns
    -------
    ndarray of float32 of shape (n, n_granularities), or dict of str to ndarray
        In the order of `granularities_`; rows sum to one. For several tasks one array
        each.

        - "weighted": learned shares, the same for all images.
        - "gated": averaged over channels.
        - "attention": shares of the attention, averaged over heads, layers and the
          tokens that attend.

        Of fusions that see pooled maps the mean over the head's grids.

    Raises
    ------
    TypeError
        If the estimator has no granularities.
    ValueError
        If its fusion has no such weights.

    Notes
    -----
    Weights say what is mixed, not what counts for the answer: maps differ in size, and
    the head may ignore what the fusion passes on. `granularity_importance` tells what
    counts.

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
