"""What a head that is solved in closed form asks of the rest."""

from __future__ import annotations

from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES, TRAININGS
from skmultigran.heads import Pooled, PooledHead
from skmultigran.training import check_closed_form


def is_closed_form(estimator) -> bool:
    """Tell whether an estimator is to be fitted in closed form.

    Parameters
    ----------
    estimator : BaseMultiGranularity
        The estimator.

    Returns
    -------
    bool
        Whether its training is one; not of unknown names, which are for fit to
        complain of.
    """
    if not _is_known(estimator, "training", TRAININGS):
        return False
    return getattr(estimator._recipe("training"), "closed_form", False)


def _is_known(estimator, name, registry):
    value = estimator._resolved(name)
    return isinstance(value, Recipe) or value in registry


def takes_parts(estimator) -> bool:
    """Tell whether an estimator learns from some images after the others.

    Parameters
    ----------
    estimator : BaseMultiGranularity
        The estimator, for `available_if`.

    Returns
    -------
    bool
        True.

    Raises
    ------
    AttributeError
        If it needs all images at once.
    """
    training = estimator.training
    if not is_closed_form(estimator):
        # What is there already goes on as it was fitted.
        training = getattr(estimator, "_training_", None)
        if training is None or not training.closed_form:
            return True
    raise AttributeError(
        f"{type(estimator).__name__} has no partial_fit with training={training!r}, "
        "which needs all images at once. Call fit, or fit with training='standard' "
        "from the start."
    )


def check_frozen(estimator) -> None:
    """Raise if more than the head would have to learn.

    Parameters
    ----------
    estimator : BaseMultiGranularity
        The estimator about to be fitted, with a training in closed form.

    Raises
    ------
    ValueError
        If the answer has no closed form, or the backbone is not frozen.
    """
    check_closed_form(estimator._task)
    if not estimator._is_frozen():
        raise ValueError(
            f"training={estimator.training!r} solves for the head alone, from one pass "
            f"over the images, but trainable={estimator.trainable!r}, "
            f"augment={estimator.augment!r} and fusion={estimator.fusion!r} ask for "
            "more. Set trainable='head', augment='auto' and fusion='concat', or take "
            "training='standard'."
        )


def check_solvable(estimator) -> None:
    """Raise if the network has parts besides the head that would have to learn.

    Parameters
    ----------
    estimator : BaseMultiGranularity
        The estimator, with its new network.

    Raises
    ------
    ValueError
        If the fusion has weights, or if there are early answers.
    """
    network = estimator.network_
    start = f"training={estimator.training!r} solves for one head alone, but"
    if any(True for _ in network.fusion.parameters()):
        raise ValueError(
            f"{start} fusion={estimator.fusion!r} has weights to learn. Set "
            "fusion='concat' without channels, which has none, or training='standard'."
        )
    if not isinstance(network.head, Pooled):
        raise ValueError(
            f"{start} head={estimator.head!r} is none that it knows. Take 'auto', "
            "'pooled' or PooledHead, or training='standard'."
        )
    if network.exits is not None:
        raise ValueError(
            f"{start} deep_supervision=True adds heads. Set deep_supervision=False, or "
            "training='standard'."
        )


def auto_head(estimator) -> PooledHead:
    """Return the head that `head="auto"` stands for.

    A head in closed form can have as many columns as the transformer makes: roots of
    averages on a grid of 7 x 7. The many channels of pretrained maps tell much by
    themselves, so there it is the usual head with roots.

    Parameters
    ----------
    estimator : BaseMultiGranularity
        The estimator.

    Returns
    -------
    PooledHead
        The head.
    """
    known = _is_known(estimator, "backbone", BACKBONES)
    if not known or not is_closed_form(estimator):
        return PooledHead()
    if estimator._recipe("backbone").pretrained:
        return PooledHead(power=0.5)
    return PooledHead(pooling=("avg",), grid=(7,), power=0.5)
