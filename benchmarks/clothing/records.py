"""The photographs of clothing, and records of what was measured on them."""

import math
from pathlib import Path

import numpy as np


class Clothing:
    """The ten classes, as encoded files and labels, split by the author."""

    def __init__(self, path):
        with np.load(path) as data:
            chosen = np.flatnonzero(data["split10"] >= 0)
            self.files = self._cut(data["buf"], data["off"], chosen)
            self.y = data["y10"][chosen]
            self.split = data["split10"][chosen]

    @staticmethod
    def _cut(buffer, offsets, chosen):
        return [buffer[offsets[i] : offsets[i + 1]].tobytes() for i in chosen]

    def write(self, folder):
        """Write the files to a folder and return their paths."""
        paths = []
        for i, content in enumerate(self.files):
            path = Path(folder) / f"{i:05d}.jpg"
            path.write_bytes(content)
            paths.append(str(path))
        return np.array(paths, dtype=object)


def interval(accuracy, n):
    """Return the half width of the 95 % interval of an accuracy."""
    return 1.96 * math.sqrt(accuracy * (1 - accuracy) / n)


def judged(name, predicted, y, split, **more):
    """Return accuracy on validation + test and on test alone."""
    right = predicted == y
    both, test = right.mean(), right[split == 2].mean()
    record = {"name": name, "accuracy": both, "accuracy_test": test, **more}
    record["interval"] = interval(both, len(y))
    print(
        f"{name:<44}{both:.4f} ± {record['interval']:.4f} (test alone {test:.4f}) "
        f"wall {record['wall_seconds']:.0f} s, CPU {record['cpu_seconds']:.0f} s",
        flush=True,
    )
    return record
