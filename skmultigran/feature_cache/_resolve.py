"""What people give as `memory` becomes a feature cache, or none."""

from __future__ import annotations

import os

import joblib

from skmultigran.feature_cache._recipe import FeatureCache


def resolve_cache(memory: object) -> FeatureCache | None:
    """Return the feature cache that `memory` stands for.

    Parameters
    ----------
    memory : None, str, path, joblib.Memory or FeatureCache
        None: no cache. A folder: a cache with the default caps in it. A
        `joblib.Memory`: the same in its folder, or none if it has no folder.

    Returns
    -------
    FeatureCache or None
        The cache, its parameters checked; nothing is opened.

    Raises
    ------
    ValueError
        If `memory` is something else, is a file, or stores elsewhere than in a folder.

    Examples
    --------
    >>> import joblib
    >>> from skmultigran.feature_cache import resolve_cache
    >>> resolve_cache("features")
    FeatureCache(location='features')
    >>> resolve_cache(joblib.Memory("features", verbose=0))
    FeatureCache(location='features')
    >>> resolve_cache(None) is None
    True
    """
    if isinstance(memory, joblib.Memory):
        memory = _joblib_location(memory)
    if memory is None:
        return None
    if isinstance(memory, str | os.PathLike):
        memory = FeatureCache(memory)
    if not isinstance(memory, FeatureCache):
        raise ValueError(
            f"memory={memory!r} is of type {type(memory).__name__}; it must be None, a "
            "folder (str or path), a joblib.Memory or a FeatureCache."
        )
    memory.check_parameters()
    if os.path.isfile(os.path.expanduser(memory.location)):
        raise ValueError(
            f"memory={os.fspath(memory.location)!r} is a file; features are kept in a "
            "folder. Give the name of one, which need not exist yet."
        )
    return memory


def _joblib_location(memory: joblib.Memory) -> object:
    if memory.location is not None and memory.backend != "local":
        raise ValueError(
            f"memory={memory!r} stores with the backend {memory.backend!r}; features "
            "need a local folder. Give its name instead."
        )
    return memory.location
