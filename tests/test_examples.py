"""The examples of docs/examples run, and each draws something."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "docs" / "examples").glob("plot_*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path):
    mpl = pytest.importorskip("matplotlib")
    mpl.use("Agg")
    from matplotlib import pyplot

    runpy.run_path(str(path))
    assert pyplot.get_fignums()
    pyplot.close("all")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_asks_a_question(path):
    quotes, title, line, *_ = path.read_text(encoding="utf-8").splitlines()
    assert quotes == '"""'
    assert title.endswith("?")
    assert line == "=" * len(title)
