"""The feature cache: rows of numbers of one image each, in memory and on disk."""

from skmultigran.feature_cache._cached_rows import cached_rows
from skmultigran.feature_cache._code import code_key, package_versions
from skmultigran.feature_cache._database import CacheInfo
from skmultigran.feature_cache._keys import (
    NoKeyError,
    file_key,
    image_key,
    namespace_key,
    weights_key,
    weights_keys,
)
from skmultigran.feature_cache._recipe import FeatureCache
from skmultigran.feature_cache._resolve import resolve_cache

__all__ = [
    "CacheInfo",
    "FeatureCache",
    "NoKeyError",
    "cached_rows",
    "code_key",
    "file_key",
    "image_key",
    "namespace_key",
    "package_versions",
    "resolve_cache",
    "weights_key",
    "weights_keys",
]
