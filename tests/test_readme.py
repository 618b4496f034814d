"""What README.md says is true: code runs, names exist, links lead somewhere."""

import inspect
import re
from pathlib import Path

import pytest
from PIL import Image
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits

import skmultigran
from skmultigran._recipe import Recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def python_blocks(text):
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def write_photographs(folder):
    """Write a table of bright and dark pictures of different sizes."""
    lines = ["path,label"]
    for i in range(12):
        label = "dark" if i % 2 else "bright"
        picture = Image.new("RGB", (30 + i % 3, 36), (20, 40, 60) if i % 2 else "white")
        picture.save(folder / f"{i}.png")
        lines.append(f"{i}.png,{label}")
    (folder / "photos.csv").write_text("\n".join(lines), encoding="utf-8")


def test_quickstart(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    quickstart, search, features, photographs = python_blocks(README)
    assert len([line for line in quickstart.splitlines() if line]) <= 10

    names = {}
    for block in (quickstart, search, features):
        exec(compile(block, "README.md", "exec"), names)
    pytest.importorskip("timm")
    write_photographs(tmp_path)
    exec(compile(photographs, "README.md", "exec"), names)

    printed = capsys.readouterr().out
    accuracies = re.findall(r"test accuracy ([0-9.]+)", printed)
    assert len(accuracies) == 2
    assert min(map(float, accuracies)) >= 0.98
    assert set(names["search"].best_params_) == {"fusion", "fusion__channels"}
    assert "photo labels ['bright' 'dark' 'bright']" in printed
    assert set(names["search"].predict(names["X_test"])) == set(load_digits().target)


def is_estimator(thing):
    return (
        inspect.isclass(thing)
        and issubclass(thing, BaseEstimator)
        and not issubclass(thing, Recipe)
    )


def test_table_lists_the_estimators():
    rows = set(re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE))
    names = skmultigran.__all__
    assert rows == {name for name in names if is_estimator(getattr(skmultigran, name))}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    missing = [link for link in local if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_make_targets_exist(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, flags=re.MULTILINE))
    named = set(
        re.findall(r"(?:^|`)make (\w+)", page.read_text(encoding="utf-8"), re.M)
    )
    assert named <= targets


def test_pictures_are_shown_and_small():
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).stat().st_size <= 150_000 for picture in pictures)
