"""What features of a frozen backbone depend on, besides the image: their keys."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from skmultigran._network import NetworkRecipe
from skmultigran._pyramid import ImagePyramid
from skmultigran.feature_cache import (
    code_key,
    namespace_key,
    package_versions,
    weights_keys,
)

# Raise it where the same parts begin to give other features: in how images are read,
# resized, normalised or pooled.
FEATURE_FORMAT = 1


def feature_keys(
    names: Iterable[str],
    recipe: NetworkRecipe,
    pyramid: ImagePyramid,
    device: str,
    **parts: object,
) -> dict[str, bytes]:
    """Return the key of each granularity's features.

    Parameters
    ----------
    names : iterable of str
        Names of granularities.
    recipe : NetworkRecipe
        How the network was built.
    pyramid : ImagePyramid
        The backbone, with its weights at each scale.
    device : str
        Where the network lives.
    **parts : object
        What else the features depend on, as `namespace_key` takes it.

    Returns
    -------
    dict of str to bytes
        Names to keys. A granularity has one key in every pyramid that it is part of.

    Raises
    ------
    NoKeyError
        If a parameter of the backbone's recipe has a type that has no key.
    """
    backbone = recipe.backbone
    classes = [type(backbone), *map(type, pyramid.modules())]
    weights = weights_keys(pyramid.backbones)
    # Names of granularities have two decimals of the scale only.
    scales = {
        f"s{scale:.2f}": {"scale": scale, "weights": key}
        for scale, key in zip(recipe.scales, weights, strict=True)
    }
    common = {
        "format": FEATURE_FORMAT,
        "versions": package_versions(classes),
        "code": code_key(classes),
        "backbone": backbone,
        "channels": recipe.in_channels,
        "image_size": recipe.image_size,
        "mean": [float(value) for value in recipe.normalisation.mean],
        "std": [float(value) for value in recipe.normalisation.std],
        "device": torch.device(device).type,
        **parts,
    }
    return {
        name: namespace_key(
            granularity=name, **scales[name.partition("_")[0]], **common
        )
        for name in names
    }
