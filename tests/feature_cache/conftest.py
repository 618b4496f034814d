"""Rows, keys, and stores that forget what this process has in memory."""

import numpy as np
import pytest

from skmultigran.feature_cache import _store, namespace_key

FILE_NAME = "skmultigran-features-1.sqlite"


@pytest.fixture
def namespace():
    return namespace_key(test="rows")


@pytest.fixture
def new_process():
    """Make the stores begin anew, as another process would."""
    return _store._STORES.clear


@pytest.fixture
def make_rows():
    def make(n_rows, width=8, seed=0):
        rng = np.random.default_rng(seed)
        keys = [rng.bytes(16) for _ in range(n_rows)]
        return keys, rng.random((n_rows, width), dtype=np.float32)

    return make


@pytest.fixture
def file(tmp_path):
    return tmp_path / FILE_NAME
