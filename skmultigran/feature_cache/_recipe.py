"""The public recipe: where features are kept, and how many of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain
from numbers import Integral

import numpy as np

from skmultigran._recipe import Recipe
from skmultigran._support import Interval
from skmultigran.feature_cache._database import CacheInfo
from skmultigran.feature_cache._recent_rows import Row
from skmultigran.feature_cache._store import RowStore, store_at

# The same bytes on every machine.
_FLOAT32 = np.dtype("<f4")


class FeatureCache(Recipe):
    """Cache of image features, in memory and on disk.

    Rows of float32 numbers are stored under a namespace (the kind of features) and a
    key (the image). All objects with the same folder share them: clones, threads,
    `n_jobs` workers, other Python processes, later sessions. A stored row is returned
    unchanged, byte by byte, or not at all: damaged rows count as missing, a damaged
    file is replaced with a warning, and if the disk is full or read-only, features are
    kept in memory only, with one warning per process.

    The folder should lie on a local disk: several processes rely on file locks, which
    network drives often lack.

    Parameters
    ----------
    location : str or path
        Folder of the file `skmultigran-features-1.sqlite`; created when first used. "~"
        is the user's home. Remove the folder, or call `clear`, to delete the features.
    max_memory_bytes : int, default=2 * 2**30
        Maximum memory per process, by default 2 GiB. The least recently used rows are
        removed first; they are still on disk.
    max_disk_bytes : int, default=20 * 2**30
        Maximum size of the file, by default 20 GiB. Beyond it the least recently used
        rows are deleted, a tenth of the file or 256 MiB at a time, and their space is
        reused. The file may temporarily exceed the limit by a tenth, at most by 32 MiB,
        and a journal of changed pages is kept next to it. An empty file takes 0.4 MB.

    Notes
    -----
    The file is an SQLite database with a rollback journal, so that a killed process
    leaves nothing half written. Rows have a checksum. Rows used between two writes
    count as equally recent. An object of this class only holds its parameters: it is
    cheap to create, clone and pickle.

    Features of an estimator are found by the content of the image and everything that
    determines them: the backbone with its weights, its parameters and the versions or
    the bytecode of its code, scale, size, pooling, and value range. For floats beyond
    [0, 1] this range is learned in fit: set `value_range` then, or folds with other
    extremes recompute their images.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skmultigran import FeatureCache
    >>> from skmultigran.feature_cache import image_key, namespace_key
    >>> images = np.arange(2 * 8 * 8).reshape(2, 8, 8)
    >>> keys = [image_key(image) for image in images]
    >>> means = namespace_key(features="row means")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = FeatureCache(folder)
    ...     cache.put_many(means, keys[:1], images[:1].mean(axis=2, dtype="float32"))
    ...     found = cache.get_many(means, keys)
    ...     cache.info()
    CacheInfo(hits=1, misses=1, entries=1, n_bytes=32)
    >>> found
    [array([ 3.5, 11.5, 19.5, 27.5, 35.5, 43.5, 51.5, 59.5], dtype=float32), None]
    """

    _parameter_constraints = {
        "location": [str, os.PathLike],
        "max_memory_bytes": [Interval(Integral, 0, None, closed="left")],
        "max_disk_bytes": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self, location, *, max_memory_bytes=2 * 2**30, max_disk_bytes=20 * 2**30
    ):
        self.location = location
        self.max_memory_bytes = max_memory_bytes
        self.max_disk_bytes = max_disk_bytes

    def get_many(
        self, namespace: bytes, keys: Sequence[bytes]
    ) -> list[np.ndarray | None]:
        """Return the rows stored under a namespace and keys.

        Parameters
        ----------
        namespace : bytes
            Kind of features, from `namespace_key`.
        keys : sequence of bytes
            Images, from `image_key` or `file_key`.

        Returns
        -------
        list of (ndarray or None)
            For each key its row, a read-only float32 array `(n_features,)`, or None.
        """
        return self.get_tables([namespace], keys)[0]

    def get_tables(
        self, namespaces: Sequence[bytes], keys: Sequence[bytes]
    ) -> list[list[np.ndarray | None]]:
        """Return the rows of several namespaces with a single look-up.

        Parameters
        ----------
        namespaces : sequence of bytes
            Kinds of features.
        keys : sequence of bytes
            Images.

        Returns
        -------
        list of list of (ndarray or None)
            For each namespace what `get_many` returns.
        """
        ids = [[(namespace, key) for key in keys] for namespace in namespaces]
        found = self._store().get_many(list(chain(*ids)), self.max_memory_bytes)
        return [
            [
                np.frombuffer(found[row_id].value, _FLOAT32)
                if row_id in found
                else None
                for row_id in of_namespace
            ]
            for of_namespace in ids
        ]

    def put_many(
        self, namespace: bytes, keys: Sequence[bytes], rows: np.ndarray
    ) -> None:
        """Store rows under a namespace and keys.

        Parameters
        ----------
        namespace : bytes
            Kind of features, from `namespace_key`.
        keys : sequence of bytes
            Images, from `image_key` or `file_key`.
        rows : ndarray of shape (n_keys, n_features)
            One row per key, float32. A row that is already stored is left unchanged, as
            the key determines its content.

        Raises
        ------
        ValueError
            If the rows are not a float32 array with one row per key.
        """
        if rows.dtype != np.float32 or rows.ndim != 2 or len(rows) != len(keys):
            raise ValueError(
                f"FeatureCache.put_many got rows of shape {rows.shape} and dtype "
                f"{rows.dtype} for {len(keys)} keys; it needs one float32 row per key, "
                f"shape ({len(keys)}, n_features)."
            )
        self._store().put_many(
            [
                ((namespace, key), Row(row.astype(_FLOAT32, copy=False).tobytes()))
                for key, row in zip(keys, rows, strict=True)
            ],
            self.max_memory_bytes,
            self.max_disk_bytes,
        )

    def info(self) -> CacheInfo:
        """Return hits and misses of all processes, and the stored amount.

        Returns
        -------
        CacheInfo
            `hits`, `misses`, `entries` and `n_bytes`.
        """
        return self._store().info()

    def clear(self) -> None:
        """Delete all rows and set the counts to zero.

        Other running processes keep the rows they have in memory.
        """
        self._store().clear()

    def _store(self) -> RowStore:
        self.check_parameters()
        return store_at(self.location)
