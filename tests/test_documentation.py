"""The pages of the documentation: the reference is complete, the index lists all."""

import importlib
import re
import runpy
from pathlib import Path

import pytest

from skmultigran._registry import BACKBONES, FUSIONS, HEADS, TRAININGS

DOCS = Path(__file__).parents[1] / "docs"
SECTIONS = runpy.run_path(str(DOCS / "api_reference.py"))["SECTIONS"]


@pytest.mark.parametrize("module", sorted({section.module for section in SECTIONS}))
def test_reference_lists_everything_public_once(module):
    listed = [name for s in SECTIONS if s.module == module for name in s.names]
    assert sorted(listed) == sorted(importlib.import_module(module).__all__)


def test_index_lists_every_page():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = set()
    for block in re.findall(r"```\{toctree\}\n(.*?)```", index, flags=re.DOTALL):
        listed |= {line for line in block.split() if not line.startswith(":")}
    pages = {str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md")}
    assert pages - {"index"} <= listed


@pytest.mark.parametrize("registry", [BACKBONES, FUSIONS, HEADS, TRAININGS])
def test_choosing_lists_every_registered_name(registry):
    page = (DOCS / "choosing.md").read_text(encoding="utf-8")
    table = page.split(f"| `{registry.kind}=` |")[1].split("\n\n")[0]
    cells = "".join(re.findall(r"^\|([^|]*)\|", table, flags=re.MULTILINE))
    own = [
        name
        for name, recipe in registry._classes.items()
        if recipe.__module__.startswith("skmultigran.")
    ]
    assert sorted(re.findall(r'`"(\w+)"`', cells)) == sorted(own)


def run_page(name):
    """Run the code of a page, and return the names it has left."""
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, flags=re.S | re.M):
        exec(compile(block, f"{name}.md", "exec"), names)
    return names


@pytest.fixture
def registries_left_alone(monkeypatch):
    for registry in (BACKBONES, FUSIONS):
        monkeypatch.setattr(registry, "_classes", dict(registry._classes))


@pytest.mark.usefixtures("registries_left_alone")
def test_own_parts_page_runs():
    names = run_page("own_parts")
    X_test, y_test = names["X_test"], names["y_test"]
    assert names["search"].score(X_test, y_test) > 0.8
    assert names["model"].score(X_test, y_test) > 0.6


def test_few_images_page_runs():
    names = run_page("few_images")
    vote, y_test = names["vote"], names["y_test"]
    assert vote.score(names["X_test"], y_test) > 0.8
    for member in vote.named_estimators_.values():
        answers = vote.le_.inverse_transform(member.predict(names["X_test"]))
        assert (answers == y_test).mean() > 0.8
