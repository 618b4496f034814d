"""Accuracy, CPU seconds, wall seconds, memory and throughput, ours beside the peers.

All models on the same images in one run, interleaved, each in a process of its own. Run
it with `python -m benchmarks accuracy --data fashion [--peers NAME ...] [--seeds N]`;
peers that are not installed are skipped. `--max-epochs 1 2 4` adds shorter trainings of
ours, for the accuracy that little time buys.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.data import DRAWN, FASHION, draw
from benchmarks.measuring import Records
from benchmarks.peers import PEERS, peers_for
from benchmarks.summaries import accuracy_table


def cases(data, names, epochs, seed):
    """Yield (name, max_epochs or None) of what is fitted for one seed."""
    for name in names:
        # On the same images, what is not random gives the same again.
        if data == "fashion" and seed > 0 and not PEERS[name].random:
            continue
        yield name, None
    first = next((name for name in names if PEERS[name].ours), None)
    if first is not None:
        yield from ((first, each) for each in epochs)


def fitted_apart(file, name, max_epochs, seed, flips):
    """Return the record of one fit in a fresh process."""
    asked = {
        "file": str(file),
        "model": name,
        "max_epochs": max_epochs,
        "seed": seed,
        "flips": flips,
    }
    command = [sys.executable, "-m", "benchmarks.one_fit", json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {"failed": lines[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def compare(data, names, epochs, seeds, known=()):
    """Yield one record per model and seed; `known` ones are not fitted again.

    The seeds are the outer loop, so that a machine that gets slower does so for all.
    """
    flips = data in FASHION
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            file = Path(folder) / f"{seed}.npz"
            np.savez(file, **draw(data, seed))
            for name, max_epochs in cases(data, names, epochs, seed):
                case = {
                    "data": data,
                    "model": name,
                    "title": _title(name, max_epochs),
                    "ours": PEERS[name].ours,
                    "max_epochs": max_epochs,
                    "seed": seed,
                }
                if _key(case) not in known:
                    yield case | fitted_apart(file, name, max_epochs, seed, flips)


def _key(record):
    return tuple(record[key] for key in ("data", "model", "max_epochs", "seed"))


def _title(name, max_epochs):
    title = PEERS[name].title
    if max_epochs is None:
        return title
    return f"{title}, max_epochs={max_epochs}"


def report(record):
    """Print one line."""
    start = f"{record['data']:<11} seed {record['seed']}  {record['title']:<60}"
    problem = record.get("skipped") or record.get("failed")
    if problem:
        kind = "skipped" if "skipped" in record else "FAILED"
        print(f"{start}{kind}: {problem}", flush=True)
        return
    print(
        f"{start}{record['accuracy']:.4f}  CPU {record['cpu_seconds']:8.1f} s  "
        f"wall {record['wall_seconds']:8.1f} s  {record['peak_MiB']:6.0f} MiB",
        flush=True,
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks accuracy", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--data", choices=DRAWN, required=True)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=None)
    parser.add_argument("--seeds", type=int, default=3, help="or draws of images")
    parser.add_argument(
        "--max-epochs",
        type=int,
        nargs="+",
        default=[],
        help="shorter trainings of ours as well",
    )
    parser.add_argument("--output", type=Path, default=None, help="a JSON file")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the records of the output"
    )
    options = parser.parse_args(arguments)
    names = options.peers or peers_for(options.data in FASHION)
    output = options.output or Path(f"demo/accuracy_{options.data}.json")
    records = Records(output, "accuracy", resume=options.resume)
    records.records = [r for r in records.records if "accuracy" in r]
    known = {_key(record) for record in records.records}
    for record in compare(
        options.data, names, options.max_epochs, options.seeds, known
    ):
        report(record)
        records.add(record)
    print()
    print(accuracy_table(records.records))
    print(f"\nRecords: {output}")
