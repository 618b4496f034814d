"""Nested parameters that also reach into recipes given by name."""

from __future__ import annotations

from sklearn.base import BaseEstimator

from skmultigran._recipe import Recipe
from skmultigran._registry import Registry


class NestedRecipes(BaseEstimator):
    """Estimator whose parameters may be names of recipes.

    `fusion="attention"` is short for `fusion=AttentionFusion()`, so `fusion__channels`
    is a parameter in both cases: setting it while `fusion` is a name first replaces the
    name by its recipe. scikit-learn alone would raise.
    """

    _registries: dict[str, Registry] = {}

    def get_params(self, deep=True):
        """Return the parameters of the estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the parameters of recipes, also of those given by name.

        Returns
        -------
        dict
            Names to values.
        """
        # Only recipes have parameters of their own. Some transforms that `augment` may
        # hold have a method `get_params` that is not scikit-learn's.
        params = super().get_params(deep=False)
        if deep:
            for name, registry in self._registries.items():
                value = self._resolved(name)
                if isinstance(value, Recipe) or value in registry:
                    nested = self._recipe(name).get_params(deep=True)
                    params |= {f"{name}__{key}": nested[key] for key in nested}
        return params

    def set_params(self, **params):
        """Set parameters, those of recipes by `recipe__parameter`.

        Parameters
        ----------
        **params : dict
            Names to values.

        Returns
        -------
        self
            The estimator.
        """
        whole = {name: params[name] for name in params if "__" not in name}
        nested = {name: params[name] for name in params if "__" in name}
        super().set_params(**whole)
        for name in nested:
            owner = name.partition("__")[0]
            if owner in self._registries and isinstance(getattr(self, owner), str):
                setattr(self, owner, self._recipe(owner))
        super().set_params(**nested)
        return self

    def _recipe(self, name):
        """Return the recipe that the parameter `name` stands for."""
        return self._registries[name].recipe(self._resolved(name))

    def _resolved(self, name):
        """Return the name or recipe of a parameter; a subclass may resolve "auto"."""
        return getattr(self, name)
