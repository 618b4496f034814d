"""The code of docs/keep_and_deploy.md runs, from top to bottom."""

import re
from pathlib import Path

import skmultigran

PAGE = Path(skmultigran.__file__).parents[1] / "docs" / "keep_and_deploy.md"


def test_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    exec("\n".join(code), {})
    assert {file.name for file in tmp_path.iterdir()} == {"digits.skops", "digits.onnx"}
