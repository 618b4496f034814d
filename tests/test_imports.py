"""Imports go one way, as docs/developer/architecture.md draws it."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import skmultigran

ROOT = Path(skmultigran.__file__).parent

# Each part may import the parts of the rows above its own.
LAYERS = (
    {"_answers", "_support", "_levels", "_recipe", "_version"},
    {"_registry"},
    {"images"},
    {"backbones", "fusions", "heads", "metrics", "datasets", "preprocessing"},
    {"_pyramid", "feature_cache", "tasks"},
    {"_network"},
    {"_stages"},
    {"training"},
    {"estimators"},
    {"inspection", "persistence", "_checks"},
    {"estimator_checks"},
)
RANKS = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}

# Costly and used by some of the package only; importing skmultigran imports none that
# torch, skorch and scikit-learn have not imported anyway.
LAZY = (
    "torchvision matplotlib pandas timm skimage PIL rich faster_coco_eval skops onnx "
    "onnxscript"
).split()


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path):
    """Yield (node, dotted name) for each thing that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            yield from ((node, f"{prefix}.{alias.name}") for alias in node.names)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}
IMPORTS = {
    name: [imported for _, imported in imported_names(path)]
    for name, path in MODULES.items()
}


def own_module(imported):
    """Return the module of the package that a dotted name is or lies in."""
    while imported and imported not in MODULES:
        imported = imported.rpartition(".")[0]
    return imported


def part_of(name):
    return name.split(".")[1] if "." in name else ""


def own_imports(name):
    return {
        own_module(i) for i in IMPORTS[name] if i.partition(".")[0] == "skmultigran"
    }


INNER_MODULES = sorted(set(MODULES) - {"skmultigran"})
each_module = pytest.mark.parametrize("name", INNER_MODULES)


@each_module
def test_imports_only_from_parts_before(name):
    part = part_of(name)
    assert part in RANKS, f"{part} has no place in LAYERS; decide where it belongs."
    wrong = {
        imported
        for imported in own_imports(name)
        if part_of(imported) != part
        and RANKS.get(part_of(imported), len(LAYERS)) >= RANKS[part]
    }
    assert not wrong, f"{name} must not import {sorted(wrong)}."


@each_module
def test_folders_are_entered_by_their_public_list(name):
    behind = {
        imported
        for imported in own_imports(name)
        if part_of(imported) != part_of(name) and imported.count(".") > 1
    }
    assert not behind, f"{name} should import from the folder, not from {behind}."


def test_no_import_cycle():
    # A folder's list imports its own files, which import the folder's other files.
    graph = {name: own_imports(name) - {name} for name in MODULES}
    order = graphlib.TopologicalSorter(graph).static_order()  # raises CycleError
    assert set(order) == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_no_relative_or_star_imports(name):
    wrong = [i for i in IMPORTS[name] if i.startswith(".") or i.endswith(".*")]
    assert not wrong


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"skmultigran._support"}))
def test_private_sklearn_only_in_support(name):
    private = [
        imported
        for imported in IMPORTS[name]
        if imported.partition(".")[0] == "sklearn" and "._" in imported
    ]
    assert not private, f"{name} imports {private}; take them from _support."


@pytest.mark.parametrize(
    "name", [name for name in MODULES if part_of(name) != "training"]
)
def test_skorch_only_in_training(name):
    assert "skorch" not in {i.partition(".")[0] for i in IMPORTS[name]}


def loaded_after(*imports):
    report = f"import sys; print(*(m for m in {LAZY} if m in sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", "\n".join([*imports, report])],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT.parent,
    )
    return set(result.stdout.split())


def test_import_leaves_optional_packages_alone():
    required = loaded_after("import sklearn.callback, skorch, torch")
    assert loaded_after("import skmultigran") <= required
    assert "torchvision" not in required
    assert "matplotlib" not in required
