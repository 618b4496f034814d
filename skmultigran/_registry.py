"""Names for recipes: `fusion="attention"` is short for `fusion=AttentionFusion()`."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TypeVar

from skmultigran._recipe import Recipe

RecipeClass = TypeVar("RecipeClass", bound=type[Recipe])


class Registry:
    """Recipes of one kind under short names.

    Parameters
    ----------
    kind : str
        What the recipes build, such as "fusion"; the name of the parameter that takes
        them, used in messages.

    Examples
    --------
    >>> from skmultigran._registry import FUSIONS
    >>> FUSIONS.recipe("concat")
    ConcatFusion()
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._base: type[Recipe] = Recipe
        self._classes: dict[str, type[Recipe]] = {}

    def base(self, recipe_class: RecipeClass) -> RecipeClass:
        """Class decorator: all recipes of this kind derive from the decorated class.

        Parameters
        ----------
        recipe_class : type
            The base class.

        Returns
        -------
        type
            The same class.
        """
        self._base = recipe_class
        return recipe_class

    def register(self, name: str) -> Callable[[RecipeClass], RecipeClass]:
        """Return a class decorator that registers a recipe under `name`.

        Parameters
        ----------
        name : str
            The short name; one that is taken by another class is refused.

        Returns
        -------
        callable
            The decorator. It returns the class unchanged.

        Raises
        ------
        ValueError
            If another class has the name.
        TypeError
            If the name is no string, as where the decorator is used without one, or if
            the class does not derive from the base of this kind.

        Examples
        --------
        >>> from skmultigran import FPNFusion, Level
        >>> from skmultigran._registry import Registry
        >>> fusions = Registry("fusion")  # `register_fusion` is that of `FUSIONS`
        >>> @fusions.register("narrow")
        ... class NarrowFPN(FPNFusion):
        ...     def __init__(self, *, channels=16):
        ...         super().__init__(channels=channels)
        >>> fusions.recipe("narrow").build([Level(64, 1)]).levels
        (Level(channels=16, stride=1),)
        """
        if not isinstance(name, str):
            raise TypeError(
                f"register_{self.kind} got {name!r}, which is no name. Above the class "
                f"use @register_{self.kind}('name')."
            )

        def decorator(recipe_class: RecipeClass) -> RecipeClass:
            self._check_class(name, recipe_class)
            self._classes[name] = recipe_class
            return recipe_class

        return decorator

    def _check_class(self, name: str, recipe_class: type) -> None:
        if not (
            isinstance(recipe_class, type) and issubclass(recipe_class, self._base)
        ):
            raise TypeError(
                f"The {self.kind} {name!r} must be a class derived from "
                f"{self._base.__name__}, got {recipe_class!r}."
            )
        taken = self._classes.get(name)
        # A module that is run again (a notebook cell, a reload) may register anew.
        if taken is not None and _place(taken) != _place(recipe_class):
            raise ValueError(
                f"The {self.kind} name {name!r} is taken by {taken.__name__}; register "
                f"{recipe_class.__name__} under another name."
            )

    def names(self) -> list[str]:
        """Return the registered names, sorted.

        Returns
        -------
        list of str
            The names.
        """
        return sorted(self._classes)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._classes

    def recipe(self, value: str | Recipe) -> Recipe:
        """Return the recipe that `value` stands for.

        Parameters
        ----------
        value : str or Recipe
            A registered name, or a recipe, which is returned as it is.

        Returns
        -------
        Recipe
            A recipe with default parameters for a name.

        Raises
        ------
        ValueError
            If the name is unknown; the message has the nearest known one.
        TypeError
            If `value` is neither a name nor a recipe of this kind.
        """
        if isinstance(value, str):
            if value not in self._classes:
                raise ValueError(self._unknown(value))
            return self._classes[value]()
        if not isinstance(value, self._base):
            raise TypeError(
                f"{self.kind}={value!r} is neither a name nor a recipe of a "
                f"{self.kind}. Pass one of {self.names()}, or an instance of a class "
                f"derived from {self._base.__name__}; modules are not taken, since "
                "clone would copy their weights."
            )
        return value

    def _unknown(self, name: str) -> str:
        nearest = difflib.get_close_matches(name, self._classes, n=1, cutoff=0.0)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        return f"{self.kind}={name!r} is unknown.{hint} Known: {self.names()}."


def _place(recipe_class: type) -> tuple[str, str]:
    """Return where a class is defined; defined anew, it has the same place."""
    return recipe_class.__module__, recipe_class.__qualname__


BACKBONES = Registry("backbone")
FUSIONS = Registry("fusion")
HEADS = Registry("head")
TRAININGS = Registry("training")

register_backbone = BACKBONES.register
register_fusion = FUSIONS.register
register_head = HEADS.register
