"""What each fusion, several levels and an image pyramid bring, on small data sets.

Run it with `python -m benchmarks ablation [--data digits ...] [--seeds N]`.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from benchmarks.data import LOADERS
from benchmarks.measuring import machine
from skmultigran import ConvNetBackbone, MultiGranularityClassifier

FUSIONS = (
    "concat",
    "sum",
    "weighted",
    "gated",
    "attention",
    "fpn",
    "pafpn",
    "bifpn",
)
LEVELS = {"last level": (-1,), "all levels": None}
SCALES = {"one scale": (1.0,), "pyramid": (1.0, 0.5)}


def run(X, y, seed, fusion, out_indices, scales, max_epochs):
    """Return accuracy on a quarter of the images, and CPU seconds of the fit."""
    X_fit, X_test, y_fit, y_test = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=seed
    )
    classifier = MultiGranularityClassifier(
        backbone=ConvNetBackbone(out_indices=out_indices),
        fusion=fusion,
        scales=scales,
        max_epochs=max_epochs,
        random_state=seed,
    )
    start = time.process_time()
    classifier.fit(X_fit, y_fit)
    seconds = time.process_time() - start
    return {"accuracy": classifier.score(X_test, y_test), "cpu_seconds": seconds}


def ablate(name, X, y, *, fusions, seeds, max_epochs):
    """Yield one record per fusion, levels, scales and seed.

    The seeds are the outer loop, so that a machine that gets slower does so for all.
    """
    cases = list(itertools.product(range(seeds), fusions, LEVELS, SCALES))
    for seed, fusion, levels, scales in tqdm(cases, desc=name, unit="fit"):
        result = run(
            X, y, seed, fusion, LEVELS[levels], SCALES[scales], max_epochs=max_epochs
        )
        case = {"data": name, "fusion": fusion, "levels": levels, "scales": scales}
        yield case | {"seed": seed} | result


def table(records):
    """Return the records as a Markdown table: mean, spread and CPU seconds."""
    columns = list(itertools.product(LEVELS, SCALES))
    header = ["data", "fusion", *(f"{levels}, {scales}" for levels, scales in columns)]
    lines = [header, ["---"] * len(header)]
    rows = dict.fromkeys((record["data"], record["fusion"]) for record in records)
    for data, fusion in rows:
        cells = [
            _cell(
                record
                for record in records
                if (record["data"], record["fusion"]) == (data, fusion)
                and (record["levels"], record["scales"]) == column
            )
            for column in columns
        ]
        lines.append([data, fusion, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(records):
    records = list(records)
    accuracies = [record["accuracy"] for record in records]
    seconds = np.mean([record["cpu_seconds"] for record in records])
    return f"{np.mean(accuracies):.4f} ± {np.std(accuracies):.4f}, {seconds:.0f} s"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks ablation", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--data", nargs="+", choices=LOADERS, default=list(LOADERS))
    parser.add_argument("--fusions", nargs="+", choices=FUSIONS, default=FUSIONS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--max-epochs", type=int, default=None)
    parser.add_argument("--output", type=Path, default=Path("demo/ablation.json"))
    options = parser.parse_args(arguments)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    records = []
    for name in options.data:
        for record in ablate(
            name,
            *LOADERS[name](),
            fusions=options.fusions,
            seeds=options.seeds,
            max_epochs=options.max_epochs or "auto",
        ):
            # Written after every fit: hours of work are not lost at the last minute.
            records.append(record)
            result = {"machine": machine(), "records": records}
            options.output.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(
        "Accuracy on a quarter of the images, spread over seeds, CPU seconds of a fit"
    )
    print(table(records))
    print(f"\nRecords: {options.output}")
