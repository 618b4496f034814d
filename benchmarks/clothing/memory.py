"""Peak memory of fitting many files, each fit in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

COUNTS = (2_000, 20_000)
# MiB that the larger fit may take beyond the smaller one.
BAR = 300
KINDS = ("transformer", "classifier", "classifier with memory")


def memory(paths, y, split, options):
    """Largest resident memory of fits of 2,000 and of 20,000 files."""
    size = options.image_size or 64
    print(
        f"frozen efficientnet_lite0 at {size} pixels, which bounds the time: files are "
        "decoded at their own size, and what is kept of them does not depend on it"
    )
    with tempfile.TemporaryDirectory() as folder:
        write_copies(paths, Path(folder), max(COUNTS))
        for kind in KINDS:
            peaks = {}
            for count in COUNTS:
                record = _peak(kind, count, folder, size)
                peaks[count] = record["peak_mib"]
                print(
                    f"{kind:<24}{count:>7} files: peak {record['peak_mib']:.0f} MiB, "
                    f"{record['wall_seconds']:.0f} s",
                    flush=True,
                )
                yield record
            more = peaks[COUNTS[1]] - peaks[COUNTS[0]]
            verdict = "kept" if more <= BAR else "MISSED"
            print(f"{kind}: {more:.0f} MiB more, bar {BAR}: {verdict}", flush=True)
            yield {"name": kind, "more_mib": more, "bar_mib": BAR}


def write_copies(paths, folder, count):
    """Write copies under new names; no two have the same content."""
    for number in range(count):
        content = Path(paths[number % len(paths)]).read_bytes()
        # What stands behind the end of a JPEG changes its key, not its pixels.
        content += number.to_bytes(4, "big")
        (folder / f"{number:05d}.jpg").write_bytes(content)


def _peak(kind, count, folder, size):
    command = [sys.executable, "-m", "benchmarks.clothing.peak"]
    command += [kind, str(count), folder, str(size)]
    result = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=dict(os.environ)
    )
    return json.loads(result.stdout)
