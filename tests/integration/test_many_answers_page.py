"""The code of docs/many_answers.md runs, and gives what the page says."""

import re
from pathlib import Path

import numpy as np

PAGE = Path(__file__).parents[2] / "docs" / "many_answers.md"


def test_the_page_runs():
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    names = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    X, test, tasks = names["X"], names["test"], list(names["tasks"])
    assert names["regressor"].predict(X[test]).shape == (100, 2)
    assert names["labels"].predict_proba(X[test]).shape == (100, 3)
    shapes = [p.shape for p in names["several"].predict_proba(X[test])]
    assert shapes == [(100, 2), (100, 10)]
    assert list(names["predicted"].columns) == tasks
    assert names["probabilities"].shape == (100, 10)
    assert names["masks"].shape == names["scenes"].masks.shape
    assert all(len(names["result"][f"test_{task}"]) == 2 for task in tasks)
    assert list(names["shares"]) == tasks
    for rows in names["shares"].values():
        np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-5)
