"""Records of `accuracy` and `speed` into the tables and pictures of the docs.

`python -m benchmarks tables demo/accuracy_fashion.json demo/speed.json` writes between
the lines `<!-- begin accuracy-fashion -->` and `<!-- end accuracy-fashion -->` of
docs/benchmarks.md, and so on. Several files of one kind, of several machines, come one
after the other.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

from benchmarks.pictures import draw_accuracy
from benchmarks.summaries import accuracy_table, grouped, models, speed_tables

DOCS = Path("docs/benchmarks.md")


def machine_line(machine):
    """Say in one line what the figures depend on."""
    about = dict(machine)
    processor, cores = about.pop("processor"), about.pop("cores")
    threads, system = about.pop("threads"), about.pop("system")
    versions = ", ".join(f"{name} {version}" for name, version in about.items())
    return f"{processor}, {cores} cores, threads: {threads}, {system}; {versions}."


def accuracy_block(data, records, machine, picture):
    """Return a table and a picture of one data set."""
    sizes = sorted({(r["n_train"], r["n_test"]) for r in records if "accuracy" in r})
    images = " or ".join(f"{n:,} to learn from, {m:,} to judge by" for n, m in sizes)
    return "\n\n".join(
        (
            f"`--data {data}`: {images}; mean and spread (standard deviation) over the "
            f"runs. {machine_line(machine)}",
            accuracy_table(records),
            f"![Accuracy against CPU seconds]({picture})",
        )
    )


def blocks_of(files, pictures):
    """Yield (marker, text) for all files; pictures are drawn on the way."""
    drawn = set()
    for file in files:
        found = json.loads(file.read_text(encoding="utf-8"))
        records, machine = found["records"], found["machine"]
        if found["program"] == "speed":
            yield "speed", f"{machine_line(machine)}\n\n{speed_tables(records)}"
            continue
        for (data,), group in grouped(records, "data").items():
            marker = f"accuracy-{data}"
            picture = pictures / f"{marker}.png"
            if picture in drawn:
                picture = pictures / f"{marker}-{file.stem}.png"
            drawn.add(picture)
            draw_accuracy(picture, data, models(group))
            shown = f"{pictures.name}/{picture.name}"
            yield marker, accuracy_block(data, group, machine, shown)


def between(text, marker, block):
    """Return the text with the block between the lines of a marker."""
    begin, end = f"<!-- begin {marker} -->", f"<!-- end {marker} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(
            f"The page must have the lines {begin} and {end}, once each. Add them "
            "where the tables belong."
        )
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks tables", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the page")
    options = parser.parse_args(arguments)
    pictures = options.docs.parent / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    blocks = defaultdict(list)
    for marker, block in blocks_of(options.files, pictures):
        blocks[marker].append(block)
    text = options.docs.read_text(encoding="utf-8")
    for marker, parts in blocks.items():
        text = between(text, marker, "\n\n".join(parts))
    options.docs.write_text(text, encoding="utf-8")
    print(f"{options.docs}: {', '.join(blocks)}")
