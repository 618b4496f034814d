"""Recipes: sklearn-style objects that hold parameters and build fresh modules.

Estimators take recipes, never modules: `sklearn.base.clone` deep-copies what has no
`get_params`, and weights learned in one fold would travel to the next.
"""

from __future__ import annotations

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
