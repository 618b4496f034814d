"""The check that a network which is used as it is has nothing left to learn."""

from __future__ import annotations


def check_nothing_to_learn(estimator, network) -> None:
    """Raise if parts of a network that is not trained would have to learn.

    Parameters
    ----------
    estimator : MultiGranularityTransformer or HypercolumnTransformer
        The transformer, without a task, or one that never has one.
    network : MultiGranularityNetwork
        Its network.

    Raises
    ------
    ValueError
        If backbone or fusion have weights that nobody has learned.
    """
    # A normalisation of its own is a sign of weights that were learned elsewhere.
    backbone = network.pyramid.backbones[0]
    learned = (
        estimator.network_recipe_.backbone.pretrained
        or backbone.normalisation is not None
    )
    if _has_parameters(network.pyramid) and not learned:
        trains = hasattr(estimator, "task")
        name = "with task=None" if trains else f"in {type(estimator).__name__}"
        task = "task='classification' or task='regression', or " if trains else ""
        raise ValueError(
            f"backbone={estimator.backbone!r} has weights to learn, but {name} nothing "
            f"is trained, and columns of random weights are of no use. Set {task}"
            "backbone='scattering', which has nothing to learn, or a pretrained one "
            "such as 'efficientnet_lite0'."
        )
    if _has_parameters(network.fusion):
        raise ValueError(
            f"fusion={estimator.fusion!r} has weights to learn, but with task=None "
            "nothing is trained. Set task='classification' or task='regression', or "
            "fusion='concat' without channels, which has nothing to learn."
        )


def _has_parameters(module) -> bool:
    return any(True for _ in module.parameters())
