"""Rows in memory: those used last, up to a number of bytes, for all threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# (namespace, image key).
RowId = tuple[bytes, bytes]

# What Python needs for a row besides its numbers: two objects and a place in the dict.
_OVERHEAD = 400


@dataclass(slots=True)
class Row:
    """The bytes of one row, and when the database last heard that it was used.

    Parameters
    ----------
    value : bytes
        Little-endian float32 numbers.
    used : int
        Time by the database's clock; -1: never heard of.
    """

    value: bytes
    used: int = -1


class RecentRows:
    """Rows used last, in memory; the least recently used ones go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: OrderedDict[RowId, Row] = OrderedDict()
        self._n_bytes = 0

    def get_many(self, ids: Sequence[RowId]) -> dict[RowId, Row]:
        """Return those rows of `ids` that are here, and note that they are used."""
        with self._lock:
            found = {i: self._rows[i] for i in ids if i in self._rows}
            for i in found:
                self._rows.move_to_end(i)
        return found

    def put_many(self, rows: Iterable[tuple[RowId, Row]], max_bytes: int) -> None:
        """Keep rows, and let go of others until `max_bytes` suffice."""
        with self._lock:
            for i, row in rows:
                self._drop(self._rows.pop(i, None))
                self._rows[i] = row
                self._n_bytes += len(row.value) + _OVERHEAD
            while self._n_bytes > max_bytes:
                self._drop(self._rows.popitem(last=False)[1])

    def clear(self) -> None:
        """Let go of all rows."""
        with self._lock:
            self._rows.clear()
            self._n_bytes = 0

    def totals(self) -> tuple[int, int]:
        """Return the number of rows and the bytes of their values."""
        with self._lock:
            return len(self._rows), self._n_bytes - _OVERHEAD * len(self._rows)

    def _drop(self, row: Row | None) -> None:
        if row is not None:
            self._n_bytes -= len(row.value) + _OVERHEAD
