"""Short files and short functions: the budget of docs/developer/architecture.md."""

import ast
import statistics
from pathlib import Path

import pytest

import skmultigran

REPOSITORY = Path(__file__).parents[1]
PACKAGE = Path(skmultigran.__file__).parent
FILES = sorted(
    path
    for folder in (PACKAGE, REPOSITORY / "tests", REPOSITORY / "benchmarks")
    for path in folder.rglob("*.py")
)

MAX_FILE, MAX_FUNCTION, MAX_MEDIAN = 500, 80, 8


def functions(path):
    """Yield (name, lines of the body without its docstring) for each function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            yield f"{path.name}:{node.lineno} {node.name}", lines


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_file_and_function_lengths(path):
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_FILE
    too_long = {name: n for name, n in functions(path) if n > MAX_FUNCTION}
    assert not too_long


def test_median_function_is_short():
    lengths = [n for path in PACKAGE.rglob("*.py") for _, n in functions(path)]
    assert statistics.median(lengths) <= MAX_MEDIAN
