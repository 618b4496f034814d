"""Records of `accuracy` and `speed` as Markdown tables."""

from collections import defaultdict

import numpy as np

PLAIN_CNN = "skorch"
BASELINES = ("hand-written loop", "bare network(x)")
CLOCKS = ("cpu_seconds", "wall_seconds")
ACCURACY_HEADER = (
    "model",
    "runs",
    "accuracy",
    "CPU s of fit",
    "wall s of fit",
    "peak MiB",
    "images/s of predict",
)


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def grouped(records, *keys):
    """Return the records by the values of some keys, in the order of their coming."""
    groups = defaultdict(list)
    for record in records:
        groups[tuple(record[key] for key in keys)].append(record)
    return groups


def mean(records, key):
    return float(np.mean([record[key] for record in records]))


def median(records, key):
    return float(np.median([record[key] for record in records]))


def models(records):
    """Return the records of each model, the most accurate first."""
    groups = grouped([r for r in records if "accuracy" in r], "title").values()
    return sorted(groups, key=lambda group: -mean(group, "accuracy"))


def accuracy_table(records):
    """Return mean and spread of every model, and what our way costs to pass the CNN."""
    groups = models(records)
    table = markdown(ACCURACY_HEADER, [_accuracy_row(group) for group in groups])
    cost = cost_to_pass(groups)
    return table if cost is None else f"{table}\n\n{cost}"


def _accuracy_row(group):
    title = group[0]["title"]
    accuracy = f"{mean(group, 'accuracy'):.4f}"
    if len(group) > 1:
        accuracy += f" ± {np.std([record['accuracy'] for record in group]):.4f}"
    return (
        f"**{title}**" if group[0]["ours"] else title,
        len(group),
        accuracy,
        *(_seconds(mean(group, clock)) for clock in CLOCKS),
        f"{max(record['peak_MiB'] for record in group):,.0f}",
        f"{mean(group, 'predict_images_per_second'):,.0f}",
    )


def _seconds(value):
    return f"{value:,.2f}" if value < 10 else f"{value:,.0f}"


def cost_to_pass(groups):
    """Say for which share of the plain CNN's CPU seconds ours are more accurate."""
    plain = next((g for g in groups if g[0]["model"] == PLAIN_CNN), None)
    if plain is None:
        return None
    accuracy, seconds = mean(plain, "accuracy"), mean(plain, "cpu_seconds")
    passing = [
        group
        for group in groups
        if group[0]["ours"] and mean(group, "accuracy") >= accuracy
    ]
    if not passing:
        return "None of ours passes the accuracy of the plain CNN in skorch."
    best = min(passing, key=lambda group: mean(group, "cpu_seconds"))
    return (
        f"Cheapest of ours that passes the plain CNN in skorch ({accuracy:.4f}): "
        f"{best[0]['title']}, for {mean(best, 'cpu_seconds') / seconds:.2f} of its CPU "
        "seconds."
    )


def speed_tables(records):
    """Return one table per part and device."""
    tables = []
    for (part, device), group in grouped(records, "part", "device").items():
        tables.append(f"{TITLES[part]} ({device}):\n\n{TABLES[part](group)}")
    return "\n\n".join(tables)


def _throughput(records):
    """Images per second by way, and ratios to the first of the others."""
    ways = grouped(records, "way")
    baseline = next(group for (way,), group in ways.items() if way in BASELINES)
    rows = []
    for (way,), group in ways.items():
        per_cpu, per_wall = (_rate(group, clock) for clock in CLOCKS)
        base_cpu, base_wall = (_rate(baseline, clock) for clock in CLOCKS)
        rows.append(
            (
                way,
                f"{per_cpu:,.0f}",
                f"{per_wall:,.0f}",
                f"{per_cpu / base_cpu:.2f}",
                f"{per_wall / base_wall:.2f}",
            )
        )
    header = ("way", "images/CPU s", "images/wall s", "ratio, CPU", "ratio, wall")
    return markdown(header, rows)


def _rate(group, clock, what="images"):
    """Return the median over the rounds of how much is done in a second."""
    return float(np.median([record[what] / record[clock] for record in group]))


def _products(records):
    """Share of the measured matrix-product rate that fit achieves."""
    ways = {way: group for (way,), group in grouped(records, "way").items()}
    rows = []
    for way, group in ways.items():
        product = ways[f"matrix products, {group[0]['dtype']}"]
        shares = [
            _rate(group, clock, "flops") / _rate(product, clock, "flops")
            for clock in CLOCKS
        ]
        rate = _rate(group, "wall_seconds", "flops") / 1e9
        rows.append((way, f"{rate:,.0f}", *(f"{share:.0%}" for share in shares)))
    header = ("way", "GFLOP/wall s", "share, CPU", "share, wall")
    return markdown(header, rows)


def _latency(records):
    """Milliseconds of one image; rounds are paired, as a machine may get slower."""
    ours, bare = grouped(records, "way").values()
    above = [
        {clock: one[clock] - other[clock] for clock in CLOCKS}
        for one, other in zip(ours, bare, strict=True)
    ]
    names = {"ours, predict": ours, "bare network(x)": bare, "above it": above}
    rows = [
        (name, *(f"{1e3 * median(group, clock):.3f}" for clock in CLOCKS))
        for name, group in names.items()
    ]
    return markdown(("one image", "CPU ms", "wall ms"), rows)


def _growth(records):
    by_pixel = records[0]["part"] != "growth_images"
    first, rows = None, []
    for (images, side), group in grouped(records, "images", "side").items():
        per_image = median(group, "cpu_seconds_per_image")
        unit = per_image / side**2 if by_pixel else per_image
        first = first or unit
        cells = (f"{images:,}", f"{side} x {side}", f"{1e3 * per_image:.3f}")
        rows.append((*cells, f"{unit / first:.2f}"))
    header = ("images", "pixels", "CPU ms per image and epoch", "relative")
    return markdown(header, rows)


TITLES = {
    "fit": "Fit",
    "products": "Floating-point operations of fit beside matrix products",
    "predict": "Predict",
    "latency": "Latency of predict",
    "growth_images": "CPU time per image, more images",
    "growth_pixels": "CPU time per pixel, larger images",
    "growth_one_network": "CPU time per pixel, larger images, one network",
}
TABLES = {
    "fit": _throughput,
    "products": _products,
    "predict": _throughput,
    "latency": _latency,
    "growth_images": _growth,
    "growth_pixels": _growth,
    "growth_one_network": _growth,
}
