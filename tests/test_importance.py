"""The benchmark of importances prints a row per fusion."""

import re

from benchmarks import importance


def test_a_row_per_fusion(capsys):
    few = ["--images", "24", "--side", "16", "--rounds", "1"]
    importance.main([*few, "--fusions", "concat", "sum"])
    lines = capsys.readouterr().out.splitlines()
    rows = [re.fullmatch(r"\| (\w+) \| 3 \|( \d+\.\d+ \|){3}", line) for line in lines]
    assert [row[1] for row in rows[2:]] == ["concat", "sum"]
