"""The ablation trains what it says, and its table holds every figure."""

import json

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import ablation


@pytest.fixture
def images():
    y = np.arange(40) % 2
    generator = np.random.default_rng(0)
    return generator.uniform(0, 0.2, (40, 6, 6)) + 0.7 * y[:, None, None], y


def test_every_case_once(images):
    records = list(
        ablation.ablate(
            "halves", *images, fusions=("concat", "fpn"), seeds=2, max_epochs=1
        )
    )
    cases = {(r["fusion"], r["levels"], r["scales"], r["seed"]) for r in records}
    assert len(records) == len(cases) == 2 * 2 * 2 * 2
    assert all(r["cpu_seconds"] > 0 for r in records)


def test_a_case_is_what_its_name_says(images, monkeypatch):
    seen = []
    fit = ablation.MultiGranularityClassifier.fit

    def recorded(self, X, y):
        seen.append((self.fusion, fit(self, X, y).granularities_))
        return self

    monkeypatch.setattr(ablation.MultiGranularityClassifier, "fit", recorded)
    list(ablation.ablate("halves", *images, fusions=("sum",), seeds=1, max_epochs=1))
    assert seen == [
        ("sum", ["s1.00_l0"]),
        ("sum", ["s1.00_l0", "s0.50_l0"]),
        ("sum", ["s1.00_l0", "s1.00_l1", "s1.00_l2"]),
        (
            "sum",
            ["s1.00_l0", "s1.00_l1", "s0.50_l0", "s1.00_l2", "s0.50_l1", "s0.50_l2"],
        ),
    ]


def test_table_has_mean_spread_and_seconds():
    records = [
        {
            "data": "halves",
            "fusion": "concat",
            "levels": levels,
            "scales": scales,
            "seed": seed,
            "accuracy": 0.8 + 0.1 * seed,
            "cpu_seconds": 3.0 + 2 * seed,
        }
        for seed in range(2)
        for levels in ablation.LEVELS
        for scales in ablation.SCALES
    ]
    *_, row = ablation.table(records).splitlines()
    assert row.startswith("| halves | concat | 0.8500 ± 0.0500, 4 s |")
    assert row.count("0.8500 ± 0.0500, 4 s") == 4


def test_command(images, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(ablation.LOADERS, "digits", lambda: images)
    output = tmp_path / "ablation.json"
    options = "--data digits --fusions sum --seeds 1 --max-epochs 1".split()
    command.main(["ablation", *options, "--output", str(output)])
    saved = json.loads(output.read_text())
    assert len(saved["records"]) == 4
    assert {"processor", "torch"} <= set(saved["machine"])
    assert "| digits | sum |" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["unknown"]])
def test_unknown_program(arguments):
    with pytest.raises(SystemExit, match="usage: python -m benchmarks"):
        command.main(arguments)
