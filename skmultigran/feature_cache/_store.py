"""The store of a folder: memory before disk, and a bad disk is never an exception."""

from __future__ import annotations

import os
import sqlite3
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

from skmultigran.feature_cache._database import CacheInfo, RowDatabase
from skmultigran.feature_cache._recent_rows import RecentRows, Row, RowId

Result = TypeVar("Result")

# With the number of the file's format, so that another one is another file.
_FILE_NAME = "skmultigran-features-1.sqlite"


class RowStore:
    """All that one process knows of one folder of features.

    Parameters
    ----------
    folder : str
        The folder of the file.
    """

    def __init__(self, folder: str) -> None:
        self._recent = RecentRows()
        self._database = RowDatabase(os.path.join(folder, _FILE_NAME))
        self._lock = threading.Lock()
        # Hits and misses that the database could not be told.
        self._untold = (0, 0)
        self._warned = False

    def get_many(self, ids: Sequence[RowId], max_memory_bytes: int) -> dict[RowId, Row]:
        """Return the rows that are known."""
        found = self._recent.get_many(ids)
        asked = [row_id for row_id in ids if row_id not in found]
        read: dict[RowId, Row] = {}
        damaged: list[RowId] = []
        if asked:
            read, damaged = self._tolerant(
                lambda: self._database.read(asked), (read, damaged)
            )
            self._recent.put_many(read.items(), max_memory_bytes)
            found |= read
        n_hits = sum(row_id in found for row_id in ids)
        self._record(n_hits, len(ids) - n_hits, found, damaged)
        return found

    def put_many(
        self,
        rows: Sequence[tuple[RowId, Row]],
        max_memory_bytes: int,
        max_disk_bytes: int,
    ) -> None:
        """Keep rows in memory and on disk."""
        self._recent.put_many(rows, max_memory_bytes)
        self._tolerant(lambda: self._database.write(rows, max_disk_bytes), None)

    def info(self) -> CacheInfo:
        """Return what is on disk, or in memory where the disk cannot be used."""
        in_memory = CacheInfo(0, 0, *self._recent.totals())
        info = self._tolerant(self._database.info, in_memory)
        hits, misses = self._untold
        return info._replace(hits=info.hits + hits, misses=info.misses + misses)

    def clear(self) -> None:
        """Forget all rows and counts."""
        self._recent.clear()
        self._tolerant(self._database.clear, None)
        self._untold = (0, 0)

    def _record(
        self, hits: int, misses: int, used: dict[RowId, Row], damaged: list[RowId]
    ) -> None:
        with self._lock:
            hits, misses = hits + self._untold[0], misses + self._untold[1]
            self._untold = (hits, misses)

            def tell() -> None:
                self._database.record(hits, misses, used, damaged)
                self._untold = (0, 0)

            self._tolerant(tell, None)

    def _tolerant(self, work: Callable[[], Result], otherwise: Result) -> Result:
        """Return what `work` returns, or `otherwise` if the disk fails."""
        try:
            return work()
        except (sqlite3.Error, OSError) as error:
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"FeatureCache cannot use {self._database.path} as it should "
                    f"({error}). Features that it lacks are computed and kept in "
                    "memory only. Give the disk space, make the folder writable, or "
                    "choose another location.",
                    stacklevel=2,
                )
            return otherwise


# By process: a fork may copy a lock that another thread holds.
_STORES: dict[tuple[int, str], RowStore] = {}


def store_at(location: str | os.PathLike) -> RowStore:
    """Return this process's store of a folder, the same one each time.

    Parameters
    ----------
    location : str or path
        The folder; "~" is the user's home. It need not exist.

    Returns
    -------
    RowStore
        The store that all threads share.
    """
    folder = os.path.realpath(os.path.expanduser(location))
    return _STORES.setdefault((os.getpid(), folder), RowStore(folder))
