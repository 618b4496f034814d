"""Everything public is documented, and the tables of parameters are complete."""

import importlib
import inspect
import pkgutil
import re

import pytest
from numpydoc.validate import validate
from sklearn.base import BaseEstimator
from skorch import NeuralNet

import skmultigran

# Of numpydoc's checks all but: where the text begins (GL01, GL02), a capital at its
# start (SS02: skorch has none), a "See Also", an extended summary and an example for
# everything (SA01, ES01, EX01; examples have their own test), named single results
# (RT02), and PR06, which takes words in quoted values for types.
CHECKS = set(
    "GL03 GL05 GL06 GL07 GL08 GL09 GL10 SS01 SS03 SS04 SS05 SS06 "
    "PR01 PR02 PR03 PR04 PR05 PR07 PR08 PR09 PR10 RT01 RT03 RT04 RT05 YD01".split()
)


def _modules():
    found = pkgutil.walk_packages(skmultigran.__path__, "skmultigran.")
    return [skmultigran, *(importlib.import_module(info.name) for info in found)]


MODULES = _modules()
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in MODULES
    if "._" not in module.__name__
    for name in getattr(module, "__all__", ())
    if callable(getattr(module, name))
}
# What users are pointed to: the top level, and the modules that are public by design.
FRONT = ("", "inspection", "metrics", "datasets", "estimator_checks")
SHOWN = {
    name: thing
    for name, thing in PUBLIC.items()
    if name.rpartition(".")[0].removeprefix("skmultigran").lstrip(".") in FRONT
}


def _methods(name, thing):
    """Yield the path of each public method that the package itself defines."""
    for attribute, value in vars(thing).items():
        function = getattr(value, "__func__", getattr(value, "fget", value))
        if not attribute.startswith("_") and inspect.isfunction(function):
            yield f"{name}.{attribute}", function


CLASSES = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}
METHODS = {
    path: function
    for name, thing in CLASSES.items()
    for path, function in _methods(name, thing)
}


def _described_by_its_base(path):
    """Whether an override's contract is written elsewhere, in a class that it names."""
    owner, _, method = path.rpartition(".")
    if issubclass(CLASSES[owner], NeuralNet) and hasattr(NeuralNet, method):
        return True
    references = {
        f"`{base.__name__}.{method}`"
        for base in CLASSES.values()
        if method in vars(base)
    }
    return any(reference in METHODS[path].__doc__ for reference in references)


def _errors(path):
    ignored = set()
    if path in CLASSES and "__init__" not in vars(CLASSES[path]):
        ignored.add("PR01")  # the parameters of a constructor that is not its own
    return [
        error
        for error in validate(path)["errors"]
        if error[0] in CHECKS and error[0] not in ignored
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_object_is_documented(name):
    assert not _errors(name)


@pytest.mark.parametrize("name", PUBLIC)
def test_references_are_cited_and_listed(name):
    text = inspect.getdoc(PUBLIC[name])
    cited = set(re.findall(r"\[(\d+)\]_", text))
    listed = set(re.findall(r"^\.\. \[(\d+)\]", text, flags=re.MULTILINE))
    assert cited == listed


@pytest.mark.parametrize("path", METHODS)
def test_public_method_is_documented(path):
    assert METHODS[path].__doc__, f"{path} has no docstring."
    assert _described_by_its_base(path) or not _errors(path)


@pytest.mark.parametrize("name", SHOWN)
def test_public_object_has_an_example(name):
    sections = inspect.getdoc(SHOWN[name])
    assert "Examples\n--------\n>>> " in sections


def _own_subclasses(base):
    found = {
        value
        for module in MODULES
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__.startswith("skmultigran")
    }
    return sorted(found, key=lambda c: c.__qualname__)


def _parameters(thing):
    parameters = inspect.signature(thing.__init__).parameters
    return {name: p for name, p in parameters.items() if name != "self"}


# The skorch net inside is never a user's object.
PARAMETRISED = [
    owner
    for owner in _own_subclasses(BaseEstimator)
    if "__init__" in vars(owner) and not issubclass(owner, NeuralNet)
]
# Required and given by position, as in `joblib.Memory("folder")`.
POSITIONAL = {"FeatureCache": ["location"]}
each_owner = pytest.mark.parametrize("owner", PARAMETRISED)


@each_owner
def test_constraints_name_every_parameter(owner):
    assert set(owner._parameter_constraints) == set(_parameters(owner))


@each_owner
def test_constructor_is_keyword_only(owner):
    positional = [
        name for name, p in _parameters(owner).items() if p.kind is not p.KEYWORD_ONLY
    ]
    assert positional == POSITIONAL.get(owner.__name__, [])


@each_owner
def test_constructor_only_stores(owner):
    parameters = _parameters(owner).items()
    required = {name: object() for name, p in parameters if p.default is p.empty}
    stored = vars(owner(**required))
    expected = {n: required.get(n, p.default) for n, p in _parameters(owner).items()}
    assert set(stored) == set(expected)
    assert all(stored[name] is value for name, value in expected.items())


def test_recipes_are_found():
    assert {c.__name__ for c in PARAMETRISED} >= {"ConcatFusion", "ConvNetBackbone"}
