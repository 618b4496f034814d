"""Short names stand for recipes, and mistakes are told."""

import pytest
from torch import nn

from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES, FUSIONS, HEADS, TRAININGS, Registry


class Blue(Recipe):
    def __init__(self, *, shade=1):
        self.shade = shade


class Green(Recipe):
    """Another class."""


@pytest.fixture
def colours():
    known = Registry("colour")
    known.register("blue")(Blue)
    return known


def test_decorator_returns_the_class_and_the_name_gives_a_recipe(colours):
    assert colours.register("green")(Green) is Green
    assert colours.names() == ["blue", "green"]
    assert type(colours.recipe("blue")) is Blue
    assert colours.recipe("blue").shade == 1


def test_every_use_of_a_name_gives_a_recipe_of_its_own(colours):
    assert colours.recipe("blue") is not colours.recipe("blue")


def test_recipe_passes_as_it_is(colours):
    recipe = Green()
    assert colours.recipe(recipe) is recipe


def test_membership(colours):
    assert "blue" in colours
    assert "green" not in colours
    assert Blue() not in colours
    assert None not in colours


def test_taken_name_is_refused_and_stays(colours):
    with pytest.raises(
        ValueError, match="'blue' is taken by Blue; register Green under"
    ):
        colours.register("blue")(Green)
    assert type(colours.recipe("blue")) is Blue


def redefined(module):
    """Return a class that is called Blue too, as a module run anew would make it."""
    return type("Blue", (Recipe,), {"__module__": module, "__qualname__": "Blue"})


def test_class_defined_anew_replaces_itself(colours):
    again = redefined(Blue.__module__)
    colours.register("blue")(again)
    assert type(colours.recipe("blue")) is again


def test_class_of_the_same_name_from_another_module_is_refused(colours):
    with pytest.raises(ValueError, match="'blue' is taken by Blue"):
        colours.register("blue")(redefined("somewhere.else"))


@pytest.mark.parametrize("thing", [nn.Linear, Blue(), lambda: None, "blue"])
def test_what_is_no_recipe_class_is_not_registered(colours, thing):
    with pytest.raises(
        TypeError, match="colour 'odd' must be a class derived from Rec"
    ):
        colours.register("odd")(thing)
    assert "odd" not in colours


@pytest.mark.parametrize(
    ("registry", "name", "nearest"),
    [
        (BACKBONES, "conv_net", "convnet"),
        (FUSIONS, "atention", "attention"),
        (FUSIONS, "pa-fpn", "pafpn"),
        (HEADS, "pool", "pooled"),
        (TRAININGS, "Standard", "standard"),
    ],
)
def test_unknown_name_is_told_with_the_nearest(registry, name, nearest):
    expected = rf"{registry.kind}='{name}' is unknown. Did you mean '{nearest}'\? Known"
    with pytest.raises(ValueError, match=expected):
        registry.recipe(name)


def test_unknown_name_lists_those_known(colours):
    with pytest.raises(ValueError, match=r"Known: \['blue'\]"):
        colours.recipe("red")


def test_unknown_name_in_an_empty_registry():
    with pytest.raises(ValueError, match=r"colour='red' is unknown. Known: \[\]"):
        Registry("colour").recipe("red")


@pytest.mark.parametrize("thing", [nn.Linear(2, 2), Blue, None, 3, ["blue"]])
def test_modules_classes_and_others_are_refused(colours, thing):
    with pytest.raises(
        TypeError, match=r"neither a name nor a recipe.* clone would copy"
    ):
        colours.recipe(thing)


def test_a_recipe_of_another_kind_is_refused(colours):
    class Dark(Blue):
        """A base of its own."""

    colours.base(Dark)
    with pytest.raises(TypeError, match="recipe of a colour.*derived from Dark"):
        colours.recipe(Blue())
    with pytest.raises(TypeError, match="must be a class derived from Dark, got"):
        colours.register("green")(Green)


def test_a_fusion_is_no_backbone():
    with pytest.raises(TypeError, match="derived from BackboneRecipe"):
        BACKBONES.recipe(FUSIONS.recipe("concat"))


@pytest.mark.parametrize("thing", [Green, 3, None])
def test_decorator_needs_a_name(colours, thing):
    with pytest.raises(TypeError, match=r"no name.* use @register_colour\('name'\)"):
        colours.register(thing)
    assert colours.names() == ["blue"]
