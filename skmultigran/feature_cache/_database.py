"""Rows on disk: one SQLite file that any number of processes read and write at once.

Each batch opens the file, does its work in one transaction and closes it, so that
nothing is carried over a fork, between threads or into a deleted folder. SQLite's
rollback journal undoes what a killed process left half written. Nothing waits for the
disk: a power cut may cost the file, and a damaged file is begun anew.
"""

from __future__ import annotations

import os
import sqlite3
import warnings
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple, TypeVar

from skmultigran.feature_cache._recent_rows import Row, RowId

Result = TypeVar("Result")

# How long a batch waits for others that write.
_PATIENCE_SECONDS = 60.0

_SETTINGS = """
PRAGMA synchronous = OFF;
PRAGMA cache_size = -32768;
"""

# Several rows of a few thousand numbers fit on a page of 64 KiB, which is SQLite's
# largest; on a small page a row of 2 KiB would leave nearly half of it empty. These are
# set in a new file only: setting them writes.
_SETTINGS_OF_A_FILE = """
PRAGMA page_size = 65536;
PRAGMA auto_vacuum = INCREMENTAL;
"""

# `used` and `clock` count batches written; see `_tick`. Rows lie in a table of their
# own: a note in `entries` does not touch their pages.
_TABLES = (
    "CREATE TABLE entries (namespace BLOB, key BLOB, row INTEGER, n_bytes INTEGER,"
    " checksum INTEGER, used INTEGER, PRIMARY KEY (namespace, key)) WITHOUT ROWID",
    "CREATE TABLE rows (id INTEGER PRIMARY KEY, value BLOB)",
    "CREATE TABLE counts (hits INTEGER, misses INTEGER, clock INTEGER)",
    "INSERT INTO counts VALUES (0, 0, 0)",
    "PRAGMA user_version = 1",
)

# Bytes written in one transaction, and freed by one when the file is full: they bound
# the time that others wait, and the size of the journal.
_MOST_WRITTEN = 16 * 2**20
_MOST_FREED = 256 * 2**20

# Our statements are right, so what SQLite finds wrong with them is wrong in the file:
# a table that is missing, a number of the wrong kind, an id that is there twice.
_DAMAGE = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
)


# Rounds of deleting until there is room; a sound file needs one or two.
_MOST_ROUNDS = 50


class CacheInfo(NamedTuple):
    """What a feature cache holds and how often it helped.

    Parameters
    ----------
    hits : int
        Rows that were asked for and found, by all processes since the last `clear`.
    misses : int
        Rows that were asked for and not found.
    entries : int
        Rows on disk.
    n_bytes : int
        Bytes of the rows on disk; the file is a little larger.

    Examples
    --------
    >>> from skmultigran.feature_cache import CacheInfo
    >>> CacheInfo(hits=3, misses=1, entries=1, n_bytes=2048).hits
    3
    """

    hits: int
    misses: int
    entries: int
    n_bytes: int


class _DamagedFileError(sqlite3.DatabaseError):
    """What the file holds contradicts itself, though SQLite does not say so."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class RowDatabase:
    """One file of rows.

    Every method raises `sqlite3.Error` or `OSError` where the disk is at fault.

    Parameters
    ----------
    path : str
        The file. It and its folder are made at the first batch.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self, ids: Sequence[RowId]) -> tuple[dict[RowId, Row], list[RowId]]:
        """Return the rows found, and the ids of the damaged ones."""
        return self._run(partial(_read, ids=ids), "BEGIN")

    def record(
        self, hits: int, misses: int, used: dict[RowId, Row], damaged: list[RowId]
    ) -> None:
        """Count hits and misses, note which rows were used, delete damaged ones."""
        work = partial(_record, hits=hits, misses=misses, used=used, damaged=damaged)
        clock = self._run(work)
        for row in used.values():
            row.used = clock

    def write(self, rows: Sequence[tuple[RowId, Row]], max_bytes: int) -> None:
        """Store rows whose ids are new, and make room for them if need be."""
        if not max_bytes:
            return
        for piece in _pieces(rows, min(_MOST_WRITTEN, max_bytes // 10)):
            clock = self._run(partial(_write, rows=piece, max_bytes=max_bytes))
            for _, row in piece:
                row.used = clock

    def info(self) -> CacheInfo:
        """Return the counts of all processes and what is stored."""
        return self._run(_info, "BEGIN")

    def clear(self) -> None:
        """Delete all rows, set the counts to zero and give the space back."""
        self._run(_clear)

    def _run(
        self,
        work: Callable[[sqlite3.Connection], Result],
        begin: str = "BEGIN IMMEDIATE",
    ) -> Result:
        """Do `work` in one transaction; a damaged file is replaced first."""
        inode = self._inode()
        try:
            return self._transaction(work, begin)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not _is_damage(error):
                raise
            self._replace(inode, error)
        return self._transaction(work, begin)

    def _transaction(
        self, work: Callable[[sqlite3.Connection], Result], begin: str
    ) -> Result:
        # Closing without a commit undoes everything.
        with closing(self._connect()) as connection:
            connection.execute(begin)
            result = work(connection)
            connection.execute("COMMIT")
            return result

    def _connect(self) -> sqlite3.Connection:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        connection = _open(self.path)
        try:
            # A damaged file may hold anything; text would have to be valid UTF-8.
            connection.text_factory = bytes
            connection.executescript(_SETTINGS)
            if not _is_set_up(connection):
                _set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _inode(self) -> int | None:
        try:
            return os.stat(self.path).st_ino
        except OSError:
            return None

    def _replace(self, inode: int | None, error: Exception) -> None:
        if self._inode() != inode:
            return  # Another process has replaced it already.
        # The journal first: it would be played into the new file.
        for path in (f"{self.path}-journal", self.path):
            if os.path.exists(path):
                os.remove(path)
        warnings.warn(
            f"FeatureCache: the file {self.path} was damaged ({error}) and has been "
            "begun anew; its features are computed again.",
            stacklevel=2,
        )


def _open(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)


def _is_damage(error: Exception) -> bool:
    # Messages quote the file, and are not always text. The low byte of a code is the
    # kind of error, the others are details.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, UnicodeDecodeError) or code in _DAMAGE


def _is_set_up(connection: sqlite3.Connection) -> bool:
    return connection.execute("PRAGMA user_version").fetchone() == (1,)


def _set_up(connection: sqlite3.Connection) -> None:
    connection.executescript(_SETTINGS_OF_A_FILE)
    connection.execute("BEGIN IMMEDIATE")
    if not _is_set_up(connection):  # Another process may have been faster.
        for statement in _TABLES:
            connection.execute(statement)
    connection.execute("COMMIT")


def _checksum(row_id: RowId, value: bytes) -> int:
    # With the id, so that a row which a damaged page gives to another id is noticed.
    return zlib.crc32(value, zlib.crc32(b"".join(row_id)))


def _read(
    connection: sqlite3.Connection, *, ids: Sequence[RowId]
) -> tuple[dict[RowId, Row], list[RowId]]:
    found, damaged = {}, []
    for row_id in ids:
        entry = connection.execute(
            "SELECT value, checksum, CAST(used AS INTEGER) FROM entries"
            " LEFT JOIN rows ON rows.id = entries.row WHERE namespace = ? AND key = ?",
            row_id,
        ).fetchone()
        if entry is None:
            continue
        value, checksum, used = entry
        if isinstance(value, bytes) and _checksum(row_id, value) == checksum:
            found[row_id] = Row(value, used or 0)
        else:
            damaged.append(row_id)
    return found, damaged


def _record(
    connection: sqlite3.Connection,
    *,
    hits: int,
    misses: int,
    used: dict[RowId, Row],
    damaged: list[RowId],
) -> int:
    connection.execute(
        "UPDATE counts SET hits = hits + ?, misses = misses + ?", (hits, misses)
    )
    clock = _tick(connection, 0)
    # The clock stands still while nothing is written: then one note is enough.
    connection.executemany(
        "UPDATE entries SET used = ? WHERE namespace = ? AND key = ?",
        [(clock, *row_id) for row_id, row in used.items() if row.used < clock],
    )
    _delete(connection, damaged)
    return clock


def _tick(connection: sqlite3.Connection, ticks: int) -> int:
    """Move the clock on and return it; a damaged clock begins anew."""
    connection.execute(
        "UPDATE counts SET clock = COALESCE(CAST(clock AS INTEGER), 0) + ?", (ticks,)
    )
    (clock,) = connection.execute(
        "SELECT COALESCE(MAX(clock), 0) FROM counts"
    ).fetchone()
    return int(clock)


def _write(
    connection: sqlite3.Connection, *, rows: list[tuple[RowId, Row]], max_bytes: int
) -> int:
    # Two ticks: the rows get the first, and those read from now on the second.
    clock = _tick(connection, 2) - 1
    if _make_room(connection, sum(len(row.value) for _, row in rows), max_bytes):
        for row_id, row in rows:
            _insert(connection, row_id, row.value, clock)
    return clock


def _insert(
    connection: sqlite3.Connection, row_id: RowId, value: bytes, clock: int
) -> None:
    known = connection.execute(
        "SELECT 1 FROM entries WHERE namespace = ? AND key = ?", row_id
    ).fetchone()
    if known is None:
        row = connection.execute("INSERT INTO rows (value) VALUES (?)", (value,))
        connection.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)",
            (*row_id, row.lastrowid, len(value), _checksum(row_id, value), clock),
        )


def _delete(connection: sqlite3.Connection, ids: Sequence[RowId]) -> None:
    where = "WHERE namespace = ? AND key = ?"
    connection.executemany(
        f"DELETE FROM rows WHERE id = (SELECT row FROM entries {where})", ids
    )
    connection.executemany(f"DELETE FROM entries {where}", ids)


def _pages(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return the bytes of a page, of the file, and of the file without free pages."""
    size, pages, free = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_size", "page_count", "freelist_count")
    )
    return size, pages * size, (pages - free) * size


def _make_room(connection: sqlite3.Connection, n_bytes: int, max_bytes: int) -> bool:
    """Make room for `n_bytes` and say whether there is; freed pages are used again."""
    if n_bytes > max_bytes // 2:
        return False  # One large row would drive out all others.
    for _ in range(_MOST_ROUNDS):
        page, file, full = _pages(connection)
        if full + n_bytes <= max_bytes:
            _shrink(connection, (file - max_bytes) // page + 1)
            return True
        # A row frees no page while its neighbours stay: it may take several rounds.
        target = max_bytes - max(n_bytes, min(max_bytes // 10, _MOST_FREED))
        if not _evict(connection, 1 - target / full):
            return False
    raise _DamagedFileError("rows cannot be deleted")


def _evict(connection: sqlite3.Connection, fraction: float) -> int:
    """Delete the least recently used rows that hold `fraction` of all bytes."""
    (total,) = connection.execute("SELECT TOTAL(n_bytes) FROM entries").fetchone()
    freed, ids = 0, []
    entries = connection.execute(
        "SELECT namespace, key, CAST(n_bytes AS INTEGER) FROM entries"
        " ORDER BY used, row"
    )
    for namespace, key, n_bytes in entries:
        ids.append((namespace, key))
        freed += n_bytes or 0
        if freed >= fraction * total:
            break
    entries.close()
    _delete(connection, ids)
    return len(ids)


def _shrink(connection: sqlite3.Connection, n_pages: int) -> None:
    """Cut free pages off the file, if the number is positive."""
    for _ in range(n_pages):
        connection.execute("PRAGMA incremental_vacuum(1)")  # One page per call.


def _info(connection: sqlite3.Connection) -> CacheInfo:
    counts = connection.execute(
        "SELECT COALESCE(MAX(CAST(hits AS INTEGER)), 0),"
        " COALESCE(MAX(CAST(misses AS INTEGER)), 0) FROM counts"
    ).fetchone()
    entries = connection.execute(
        "SELECT COUNT(*), CAST(TOTAL(n_bytes) AS INTEGER) FROM entries"
    ).fetchone()
    return CacheInfo(*counts, *entries)


def _clear(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM entries")
    connection.execute("DELETE FROM rows")
    connection.execute("UPDATE counts SET hits = 0, misses = 0")
    page, file, full = _pages(connection)
    _shrink(connection, (file - full) // page)


def _pieces(
    rows: Sequence[tuple[RowId, Row]], max_bytes: int
) -> list[list[tuple[RowId, Row]]]:
    """Split rows into pieces of at most `max_bytes`, or of a single row."""
    pieces: list[list[tuple[RowId, Row]]] = []
    size = max_bytes + 1
    for row_id, row in rows:
        size += len(row.value)
        if size > max_bytes:
            pieces.append([])
            size = len(row.value)
        pieces[-1].append((row_id, row))
    return pieces
