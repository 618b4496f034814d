"""Look up, compute what is missing, store it: the whole job in one function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from skmultigran.feature_cache._recipe import FeatureCache

# Images looked up at once: what a batch holds in memory besides the result.
_LOOKED_UP = 512


def cached_rows(
    cache: FeatureCache,
    namespaces: Mapping[str, bytes],
    keys: Sequence[bytes],
    compute: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    *,
    piece_size: int = 256,
) -> dict[str, np.ndarray]:
    """Return the features of images, from the cache or computed and put there.

    Parameters
    ----------
    cache : FeatureCache
        Where features are kept.
    namespaces : mapping of str to bytes
        The kinds of features, one per granularity: its name and its `namespace_key`.
    keys : sequence of bytes
        The image of each row. Images that occur several times are computed once.
    compute : callable
        `compute(positions)` takes positions in `keys`, an integer array `(m,)` in
        ascending order, and returns for each name float32 rows `(m, n_features)`. It
        is asked for images that lack a row of any kind.
    piece_size : int, default=256
        Most positions per call. Rows are stored after each call, so that an interrupt
        loses one piece at most.

    Returns
    -------
    dict of str to ndarray
        For each name float32 rows `(len(keys), n_features)` in the order of the keys;
        `(0, 0)` without keys. A row from the cache has exactly the bytes that were
        stored, also if `compute` gave it again.

    Raises
    ------
    ValueError
        If `compute` gives something else than rows as described above, or if the rows
        of one kind differ in length.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skmultigran import FeatureCache
    >>> from skmultigran.feature_cache import cached_rows, image_key, namespace_key
    >>> images = np.zeros((3, 8, 8), dtype="float32")
    >>> images[1] = 1.0
    >>> def means(positions):
    ...     print("computing", positions)
    ...     return {"means": images[positions].mean(axis=2)}
    >>> namespaces = {"means": namespace_key(features="row means")}
    >>> keys = [image_key(image) for image in images]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for _ in range(2):
    ...         rows = cached_rows(FeatureCache(folder), namespaces, keys, means)
    computing [0 1]
    >>> rows["means"].shape
    (3, 8)
    """
    first: dict[bytes, int] = {}
    for position, key in enumerate(keys):
        first.setdefault(key, position)
    images, positions = list(first), np.array(list(first.values()), dtype=np.intp)

    tables = {name: _Table(name, len(images)) for name in namespaces}
    for start in range(0, len(images), _LOOKED_UP):
        stop = start + _LOOKED_UP
        asked = images[start:stop]
        found = cache.get_tables(list(namespaces.values()), asked)
        for name, known in zip(namespaces, found, strict=True):
            tables[name].fill(range(start, stop), known)

    missing = np.flatnonzero(
        np.any([~table.known for table in tables.values()], axis=0)
    )
    for start in range(0, len(missing), piece_size):
        piece = missing[start : start + piece_size]
        computed = _checked(compute(positions[piece]), namespaces, len(piece))
        for name, namespace in namespaces.items():
            new = ~tables[name].known[piece]
            rows, where = computed[name][new], piece[new]
            tables[name].fill(where, rows)
            cache.put_many(namespace, [images[i] for i in where], rows)

    if len(images) == len(keys):
        return {name: table.rows for name, table in tables.items()}
    index = {key: i for i, key in enumerate(images)}
    order = [index[key] for key in keys]
    return {name: table.rows[order] for name, table in tables.items()}


class _Table:
    """The rows of one kind, and which of them are known."""

    def __init__(self, name: str, n_rows: int) -> None:
        self.name = name
        self.known = np.zeros(n_rows, dtype=bool)
        self.rows = np.empty((n_rows, 0), dtype=np.float32)
        self._has_width = False

    def fill(self, positions: Iterable[int], rows: Iterable[np.ndarray | None]) -> None:
        for position, row in zip(positions, rows, strict=False):
            if row is not None:
                self._check_width(len(row))
                self.rows[position] = row
                self.known[position] = True

    def _check_width(self, width: int) -> None:
        if not self._has_width:
            self.rows = np.empty((len(self.known), width), dtype=np.float32)
            self._has_width = True
        elif width != self.rows.shape[1]:
            raise ValueError(
                f"cached_rows: rows of {self.name!r} have {self.rows.shape[1]} and "
                f"{width} numbers; under one namespace they must be equally long. Give "
                "namespace_key all that shapes the features, or call the cache's "
                "clear()."
            )


def _checked(
    computed: Mapping[str, np.ndarray], namespaces: Mapping[str, bytes], n_rows: int
) -> Mapping[str, np.ndarray]:
    for name in namespaces:
        if name not in computed:
            raise ValueError(
                f"cached_rows: compute gave {sorted(computed)} but not {name!r}; it "
                "must give rows for every namespace."
            )
        rows = computed[name]
        if rows.dtype != np.float32 or rows.ndim != 2 or len(rows) != n_rows:
            raise ValueError(
                f"cached_rows: compute gave shape {rows.shape} and dtype {rows.dtype} "
                f"for {name!r}; it must give float32 rows, one for each of the "
                f"{n_rows} positions."
            )
    return computed
