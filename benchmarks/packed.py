"""Packed data sets of real images with masks and boxes, for `benchmarks.scenes`."""

import io

import numpy as np
from PIL import Image

TRAIN, VALIDATION, TEST = 0, 1, 2


class Packed:
    """Images, masks and boxes of a packed file, by split."""

    def __init__(self, path):
        with np.load(path) as data:
            self.data = {name: data[name] for name in data.files}
        self.names = self.data.get("classes", np.array(["nucleus"]))

    def rows(self, split, most=None):
        return np.flatnonzero(self.data["split"] == split)[:most]

    def images(self, rows):
        return [self._picture("buf", "off", row).convert("RGB") for row in rows]

    def arrays(self, rows):
        return [np.asarray(image) for image in self.images(rows)]

    def masks(self, rows):
        """Return foreground as 1."""
        pictures = (self._picture("mbuf", "moff", row) for row in rows)
        return [(np.asarray(picture) > 0).astype(np.uint8) for picture in pictures]

    def objects(self, rows):
        """Return boxes and labels per image."""
        ends = self.data["box_off"]
        found = []
        for row in rows:
            part = slice(ends[row], ends[row + 1])
            boxes = self.data["boxes"][part]
            labels = self.data.get("labels", np.zeros(ends[-1], dtype=int))[part]
            found.append({"boxes": boxes, "labels": self.names[labels]})
        return found

    def _picture(self, buffer, offsets, row):
        start, stop = self.data[offsets][row : row + 2]
        return Image.open(io.BytesIO(self.data[buffer][start:stop].tobytes()))
