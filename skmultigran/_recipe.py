"""Recipes: sklearn-style objects that hold parameters and build fresh modules.

Estimators take recipes, never modules: `sklearn.base.clone` deep-copies what has no
`get_params`, and weights learned in one fold would travel to the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator


class Recipe(BaseEstimator):
    """Base of the objects that describe a part of a network.

    A subclass stores the parameters of its constructor, lists what they may be in
    `_parameter_constraints`, and gives a `build` method that calls
    `check_parameters` first and returns a fresh `torch.nn.Module`.
    """

    _parameter_constraints: dict = {}

    def check_parameters(self) -> None:
        """Check the parameters against `_parameter_constraints`.

        Raises
        ------
        sklearn.utils.InvalidParameterError
            A `ValueError` that names the recipe, the parameter, what it must be and
            what was got.
        """
        self._validate_params()

    def __sklearn_is_fitted__(self) -> bool:
        # A recipe has nothing to fit: its HTML picture should not say "not fitted".
        return True


def same_values(one: Any, other: Any) -> bool:
    """Tell whether two values of a parameter are the same.

    Parameters
    ----------
    one, other : object
        Recipes, numbers, strings, None, and sequences of those.

    Returns
    -------
    bool
        Whether they are: recipes of one class by their parameters, sequences of any
        kind by what they hold.

    Examples
    --------
    >>> from skmultigran import ConvNetBackbone
    >>> from skmultigran._recipe import same_values
    >>> same_values(ConvNetBackbone(widths=(8, 16)), ConvNetBackbone(widths=[8, 16]))
    True
    >>> same_values(ConvNetBackbone(widths=(8, 16)), ConvNetBackbone(widths=(8, 32)))
    False
    """
    if isinstance(one, Recipe):
        return type(one) is type(other) and same_values(_values(one), _values(other))
    sequences = [isinstance(each, (list, tuple, np.ndarray)) for each in (one, other)]
    if any(sequences):
        return (
            all(sequences)
            and len(one) == len(other)
            and all(map(same_values, one, other))
        )
    return bool(one == other)


def _values(recipe: Recipe) -> list[Any]:
    params = recipe.get_params(deep=False)
    return [params[name] for name in sorted(params)]
