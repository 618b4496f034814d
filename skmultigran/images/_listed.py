"""Images that come one by one: files, pictures, arrays of different sizes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import joblib
import numpy as np
import torch

from skmultigran.images._arrays import as_numpy
from skmultigran.images._channels import common_channels, with_channels
from skmultigran.images._collection import Images, grouped
from skmultigran.images._decoding import (
    ImageFacts,
    damage_named,
    picture_array,
    picture_facts,
)
from skmultigran.images._entries import is_path, is_picture
from skmultigran.images._files import probe_file, read_file

# Files that are probed by one task, and images that are in memory at a time.
_PROBED_TOGETHER = 64
_READ_TOGETHER = 32


class ListedImages(Images):
    """Images of any sizes; files are decoded when they are read, and not kept.

    Parameters
    ----------
    entries : list
        Paths, pictures of Pillow, arrays `(h, w)` or `(h, w, c)`, and tensors.
    owner : str
        Name of the estimator, for messages.
    n_jobs : int or None, default=None
        Threads that read.
    collect_problems : bool, default=False
        Whether rows that cannot be read are kept as `problems` instead of raising.
        Every file and picture is decoded then to find them.
    rows : ndarray of int or None, default=None
        Rows that will be read, at least one; the others are not looked at. None: all.

    Raises
    ------
    ValueError
        If a row cannot be read, or if the channels cannot be made one number.
    """

    same_shape = False

    def __init__(
        self,
        entries: Sequence[Any],
        owner: str,
        *,
        n_jobs: int | None = None,
        collect_problems: bool = False,
        rows: np.ndarray | None = None,
    ) -> None:
        self.entries = entries
        self.owner = owner
        self.n_jobs = n_jobs
        self.problems = {}
        every = np.arange(len(entries))
        rows = every if rows is None else rows
        self.ignored = np.setdiff1d(every, rows).tolist()
        facts = self._probed(rows, collect_problems)
        if not facts:
            raise ValueError(
                f"{owner} cannot read a single one of {len(rows)} images. The first: "
                f"{next(iter(self.problems.values()))}"
            )
        self.sizes = np.zeros((len(entries), 2), dtype=int)
        self.sizes[list(facts)] = [fact[:2] for fact in facts.values()]
        self.dtypes = {fact.dtype for fact in facts.values()}
        counts = {row: fact.channels for row, fact in facts.items()}
        self.channels = common_channels(counts, owner)
        self._found_channels = set(counts.values())

    def read(self, row: int) -> np.ndarray:
        """Return one image; see `Images.read`."""
        image = self._of_row(row, _read)
        return with_channels(image, self.channels)

    def path(self, row: int) -> str | None:
        """Return the path of a row, or None if it is no file.

        Parameters
        ----------
        row : int
            Its number.

        Returns
        -------
        str or None
            The path.
        """
        entry = self.entries[row]
        return os.fspath(entry) if is_path(entry) else None

    def batches(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the images of some rows; see `Images.batches`."""
        for start in range(0, len(rows), _READ_TOGETHER):
            yield from grouped(self.each(self.read, rows[start:][:_READ_TOGETHER]))

    def each(self, function: Callable[[int], Any], rows: np.ndarray) -> list[Any]:
        """Return what a function makes of each row, in `n_jobs` threads.

        Parameters
        ----------
        function : callable
            Row number to anything.
        rows : ndarray of int
            Row numbers.

        Returns
        -------
        list
            The results in order.
        """
        if self.n_jobs in (None, 1):
            return [function(int(row)) for row in rows]
        # Not scikit-learn's Parallel: it sets the filters of warnings in every task,
        # and threads share them.
        run = joblib.Parallel(n_jobs=self.n_jobs, require="sharedmem")
        return run(joblib.delayed(function)(int(row)) for row in rows)

    def _probed(self, rows: np.ndarray, collect: bool) -> dict[int, ImageFacts]:
        """Return the facts of good rows; keep or raise what is wrong with others."""

        def probe(start: int) -> list[ImageFacts | None]:
            piece = rows[start : start + _PROBED_TOGETHER].tolist()
            return [self._probed_row(row, collect) for row in piece]

        starts = np.arange(0, len(rows), _PROBED_TOGETHER)
        facts = [fact for part in self.each(probe, starts) for fact in part]
        # Threads find them in any order.
        self.problems = dict(sorted(self.problems.items()))
        found = zip(rows.tolist(), facts, strict=True)
        return {row: fact for row, fact in found if fact is not None}

    def _probed_row(self, row: int, collect: bool) -> ImageFacts | None:
        def probe(entry: Any) -> ImageFacts:
            return _facts(entry, decode=collect)

        try:
            return self._of_row(row, probe)
        except ValueError as error:
            if not collect:
                raise
            self.problems[row] = str(error)
            return None

    def _of_row(self, row: int, function: Callable[[Any], Any]) -> Any:
        """Return what a function makes of an entry; errors name row and path."""
        entry = self.entries[row]
        try:
            return function(entry)
        except ValueError as error:
            path = f"{os.fspath(entry)!r} in " if is_path(entry) else ""
            raise ValueError(
                f"{self.owner} cannot read {path}row {row}: {error}. Repair the image "
                "or leave the row out."
            ) from error


def _facts(entry: Any, *, decode: bool) -> ImageFacts:
    if decode or not (is_path(entry) or is_picture(entry)):
        return ImageFacts.of(_read(entry))
    if is_path(entry):
        return probe_file(os.fspath(entry))
    return picture_facts(entry)


def _read(entry: Any) -> np.ndarray:
    image = _decoded(entry)
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ValueError("it has NaN or infinite pixels")
    return image


def _decoded(entry: Any) -> np.ndarray:
    if is_path(entry):
        return read_file(os.fspath(entry))
    if is_picture(entry):
        with damage_named("Pillow cannot decode it"):
            return picture_array(entry)
    return _as_image(entry)


def _as_image(entry: Any) -> np.ndarray:
    """Return an array or a tensor as `(h, w, c)`."""
    if isinstance(entry, torch.Tensor):
        entry = as_numpy(entry)
    if not isinstance(entry, (np.ndarray, list)):
        raise ValueError(f"it is {entry!r}, no path, picture or array")
    array = np.asarray(entry)
    if array.dtype.kind not in "biuf" or array.ndim not in (2, 3) or not array.size:
        raise ValueError(
            f"it is an array of shape {array.shape} and type {array.dtype}, not real "
            "numbers of shape (height, width) or (height, width, channels)"
        )
    return array if array.ndim == 3 else array[:, :, None]
