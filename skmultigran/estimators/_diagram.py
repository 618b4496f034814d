"""The network as scikit-learn's HTML picture of an estimator shows it."""

from __future__ import annotations

from skmultigran._support import VisualBlock


def network_diagram(estimator):
    """Return the way of an image through the network: scales, levels, fusion, head.

    Parameters
    ----------
    estimator : NetworkDesign
        An estimator; before fit its granularities are not known, and not shown.

    Returns
    -------
    VisualBlock
        The parts, one after the other, with the parameters of their recipes; what
        scikit-learn's picture draws within the estimator.
    """
    parts = [(name, estimator._recipe(name)) for name in estimator._diagram_parts()]
    named = [(f"{name}: {type(recipe).__name__}", recipe) for name, recipe in parts]
    if estimator.__sklearn_is_fitted__():
        named.insert(0, (None, _image(estimator)))
        named.insert(2, (None, _granularities(estimator)))
    names, blocks = zip(*named, strict=True)
    return VisualBlock("serial", list(blocks), names=list(names), dash_wrapped=False)


def _image(estimator):
    recipe = estimator.network_recipe_
    height, width = recipe.image_size
    channels = f"{recipe.in_channels} channel{'s' * (recipe.in_channels > 1)}"
    scales = ", ".join(f"{scale:g}" for scale in recipe.scales)
    several = "scales" if len(recipe.scales) > 1 else "scale"
    return _words(f"image {height} x {width}, {channels}, {several} {scales}")


def _granularities(estimator):
    """Return the granularities side by side, with their strides and channels."""
    levels = [
        _words(f"stride {level.stride:g}, {level.channels} channels")
        for level in estimator.levels_
    ]
    return VisualBlock(
        "parallel", levels, names=estimator.granularities_, dash_wrapped=False
    )


def _words(text):
    return VisualBlock("single", text, names=text)
