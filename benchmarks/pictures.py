"""The pictures that the programs of this folder draw."""

import contextlib

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from skmultigran.inspection import (
    DetectionDisplay,
    GranularityImportanceDisplay,
    GranularityMapDisplay,
    SegmentationDisplay,
)

BLUE, ORANGE, GREY = "#1f5fa8", "#e07b00", "#8a8f98"
SHOWN_NAMES = {
    "fashion": "Fashion-MNIST, 60,000 training images",
    "fashion-5k": "Fashion-MNIST, 5,000 training images",
    "fashion-1k": "Fashion-MNIST, 1,000 training images",
    "fashion-300": "Fashion-MNIST, 300 training images",
    "mnist-5k": "MNIST, 3,750 training images",
    "digits": "Digits of 8 x 8 pixels, 1,347 training images",
}
STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextlib.contextmanager
def drawn(path, size):
    """Yield a figure of a size in inches, which is then saved."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        figure.savefig(path, dpi=110)


def draw_demo(path, results, history, cv_results):
    """Draw the comparison, the learning curve and the grid's results side by side."""
    with drawn(path, (12, 3.9)) as figure:
        compared, learned, searched = figure.subfigures(
            1, 3, width_ratios=(1.1, 1, 1.1)
        )
        draw_comparison(compared.subplots(), results)
        draw_learning_curve(learned.subplots(2, 1, sharex=True), history)
        draw_grid(searched.subplots(), cv_results)


def draw_granularities(path, classifier, X, y):
    """Draw what each granularity counts for all images, and what it sees in three."""
    with drawn(path, (12, 4.6)) as figure:
        counted, seen = figure.subfigures(1, 2, width_ratios=(1, 1.5))
        GranularityImportanceDisplay.from_estimator(
            classifier, X, y, random_state=0, ax=counted.subplots()
        )
        GranularityMapDisplay.from_estimator(classifier, X[:3], ax=seen.subplots())


def draw_scenes(path, segmenter, detector, scenes, objects):
    """Draw the masks of three scenes on the left, the boxes of six on the right."""
    with drawn(path, (12, 5.4)) as figure:
        masks, boxes = figure.subfigures(1, 2, width_ratios=(1, 1.25))
        SegmentationDisplay.from_estimator(
            segmenter,
            scenes.images[:3],
            scenes.masks[:3] > 0,
            class_names=["ground", "digit"],
            ax=masks.subplots(),
        )
        DetectionDisplay.from_estimator(
            detector,
            scenes.images[:6],
            objects[:6],
            score_threshold=0.5,
            ax=boxes.subplots(),
        )


def draw_comparison(axes, results):
    """One row per classifier: each fold a dot, the mean a bar."""
    for row, result in enumerate(results):
        colour = BLUE if row == 0 else GREY
        mean = result.accuracies.mean()
        level = np.full(len(result.accuracies), row)
        axes.plot(result.accuracies, level, "o", color=colour, alpha=0.45, mew=0)
        axes.plot([mean, mean], [row - 0.25, row + 0.25], color=colour, lw=2.5)
        note = f"{mean:.4f}, {result.cpu_seconds:.0f} CPU s"
        axes.text(mean, row - 0.32, note, ha="center", va="bottom", color=colour)
    labels = [
        result.name.replace("Classifier", "\nClassifier").replace(", ", ",\n")
        for result in results
    ]
    axes.set_yticks(range(len(results)), labels)
    axes.set_ylim(len(results) - 0.5, -0.75)
    axes.margins(x=0.12)
    axes.set_title("Accuracy per fold")
    axes.set_xlabel("accuracy")
    axes.grid(axis="x", color="#e5e7eb")


def draw_learning_curve(both_axes, history):
    """Losses above, validation accuracy below, over the epochs."""
    above, below = both_axes
    epochs = [epoch["epoch"] for epoch in history]
    curves = (
        (above, "train_loss", ORANGE, "training, with smoothed labels"),
        (above, "valid_loss", BLUE, "validation"),
        (below, "valid_score", BLUE, "validation"),
    )
    for axes, key, colour, label in curves:
        values = [epoch[key] for epoch in history]
        axes.plot(epochs, values, color=colour, lw=1.8, label=label)
        axes.grid(color="#e5e7eb")
    above.set(title="Learning curve", ylabel="loss", yscale="log")
    above.legend(frameon=False)
    best = max(history, key=lambda epoch: epoch["valid_score"])
    below.plot(best["epoch"], best["valid_score"], "o", color=BLUE)
    note = f"{best['valid_score']:.4f}"
    below.annotate(
        note,
        (best["epoch"], best["valid_score"]),
        (0, -14),
        textcoords="offset points",
        ha="center",
        color=BLUE,
    )
    below.set(xlabel="epoch", ylabel="accuracy")


def draw_grid(axes, cv_results):
    """A field per fusion and scales: mean accuracy and its spread over the folds."""
    fusions = list(dict.fromkeys(cv_results["param_clf__fusion"]))
    scales = list(dict.fromkeys(cv_results["param_clf__scales"]))
    shape = len(fusions), len(scales)
    means = np.reshape(cv_results["mean_test_score"], shape)
    spreads = np.reshape(cv_results["std_test_score"], shape)
    axes.imshow(means, cmap="Blues", aspect="auto")
    middle = (means.min() + means.max()) / 2
    for (row, column), mean in np.ndenumerate(means):
        note = f"{mean:.4f}\n± {spreads[row, column]:.4f}"
        colour = "white" if mean > middle else "black"
        axes.text(column, row, note, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(scales)), [", ".join(map(str, s)) for s in scales])
    axes.set_yticks(range(len(fusions)), fusions)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(title="Grid search, mean accuracy", xlabel="scales", ylabel="fusion")


def draw_photographs(path, cases, shown):
    """Draw pieces of each flaw on the left, accuracies per fold on the right."""
    with drawn(path, (12, 4.2)) as figure:
        pieces, compared = figure.subfigures(1, 2, width_ratios=(1.3, 1))
        columns = max(map(len, shown.values()))
        grid = pieces.subplots(len(shown), columns, squeeze=False)
        for row, (flaw, pictures) in zip(grid, shown.items(), strict=True):
            for axes, picture in zip(row, pictures, strict=False):
                axes.imshow(picture)
            for axes in row:
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
            row[0].set_ylabel(
                flaw.replace(" ", "\n"), rotation=0, ha="right", va="center"
            )
        draw_cases(compared.subplots(), cases)


def draw_cases(axes, cases):
    """One row per kind of features: each fold a dot, the mean a bar."""
    for row, (_, accuracies) in enumerate(cases):
        colour = ORANGE if row == 0 else BLUE
        level, mean = np.full(len(accuracies), row), accuracies.mean()
        axes.plot(accuracies, level, "o", color=colour, alpha=0.45, mew=0)
        axes.plot([mean, mean], [row - 0.25, row + 0.25], color=colour, lw=2.5)
        axes.text(
            mean, row - 0.32, f"{mean:.3f}", ha="center", va="bottom", color=colour
        )
    axes.set_yticks(range(len(cases)), [name.replace(", ", ",\n") for name, _ in cases])
    axes.set_ylim(len(cases) - 0.5, -0.75)
    axes.margins(x=0.12)
    axes.set_title("Which flaw? Accuracy per fold")
    axes.set_xlabel("accuracy, of five answers")
    axes.grid(axis="x", color="#e5e7eb")


def draw_accuracy(path, data, models):
    """Accuracy against CPU seconds of fit: ours large and blue, the others grey.

    Points have the numbers of their models in the list at the right, the most accurate
    first; small points are single runs.
    """
    with drawn(path, (10, max(4.2, 0.27 * len(models) + 1.2))) as figure:
        axes = figure.subplots()
        heights = np.linspace(1, 0.02, len(models))
        for number, (group, height) in enumerate(zip(models, heights, strict=True), 1):
            _draw_model(axes, number, group, height)
        axes.set(xscale="log", xlabel="CPU seconds of fit", ylabel="accuracy")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.set_title(SHOWN_NAMES.get(data, data))
        axes.margins(x=0.1, y=0.1)
        axes.grid(which="major", color="#e5e7eb")


def _draw_model(axes, number, group, height):
    ours = group[0]["ours"]
    colour, marker = (BLUE, "o") if ours else (GREY, "s")
    seconds = [record["cpu_seconds"] for record in group]
    accuracies = [record["accuracy"] for record in group]
    mean = np.mean(seconds), np.mean(accuracies)
    if len(group) > 1:
        axes.plot(seconds, accuracies, marker, color=colour, alpha=0.35, ms=3, mew=0)
    axes.plot(*mean, marker, color=colour, ms=9 if ours else 7, mec="white", zorder=3)
    words = {
        "color": colour if ours else "#3f444d",
        "fontweight": "bold" if ours else "normal",
        "fontsize": 8,
        "va": "center",
    }
    # Neighbours in accuracy are neighbours in the picture.
    beside = (7, 6 if number % 2 else -6)
    axes.annotate(str(number), mean, beside, textcoords="offset points", **words)
    words["transform"] = axes.transAxes
    axes.text(1.05, height, str(number), ha="right", **words)
    axes.text(1.08, height, f"{mean[1]:.4f}   {group[0]['title']}", **words)
