"""Photographs of clothing in ten classes: pretrained features, frozen and fine-tuned.

The data is a packed copy of the Clothing dataset (CC0) with its author's split of ten
classes. Run it with `python -m benchmarks clothing PART --data clothing_160.npz`; it
needs `pip install 'skmultigran[pretrained,images]'`. The parts: `frozen` and
`finetuned` (accuracy), `progressive` (training="pmg" beside plain training), `search`
(what `memory` saves), `throughput` (beside timm) and `memory` (peak of 20,000 files).
"""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.clothing.accuracy import finetuned, frozen
from benchmarks.clothing.memory import memory
from benchmarks.clothing.progressive import progressive
from benchmarks.clothing.records import Clothing
from benchmarks.clothing.search import search
from benchmarks.clothing.throughput import throughput
from benchmarks.measuring import machine, timed

__all__ = ["Clothing", "main", "timed"]

PARTS = {
    part.__name__: part
    for part in (frozen, finetuned, progressive, search, throughput, memory)
}


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks clothing", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", type=Path, required=True, help="clothing_160.npz")
    parser.add_argument("--output", type=Path, default=None, help="a JSON file")
    parser.add_argument("--image-size", type=int, default=None)
    parser.add_argument("--images", type=int, default=None, help="the first so many")
    parser.add_argument("--augment", default=None)
    parser.add_argument("--power", type=float, default=0.5)
    parser.add_argument("--baseline", action="store_true", help="one map as well")
    parser.add_argument("--epochs", type=int, default=4, help="of plain training")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    data = Clothing(options.data)
    output = options.output or Path(f"demo/clothing_{options.part}.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        paths, records = data.write(folder), []
        for record in PARTS[options.part](paths, data.y, data.split, options):
            records.append(record)
            result = {"machine": machine(), "records": records}
            output.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(f"Records: {output}")
