"""What `memory` may be."""

from pathlib import Path

import joblib
import pytest
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from skmultigran import FeatureCache
from skmultigran.feature_cache import resolve_cache


@pytest.mark.parametrize("kind", [str, Path, joblib.Memory, FeatureCache])
def test_all_forms_of_a_folder_mean_the_same_place(
    tmp_path, kind, namespace, make_rows, new_process
):
    keys, rows = make_rows(1)
    FeatureCache(tmp_path).put_many(namespace, keys, rows)
    new_process()
    folder = str(tmp_path)
    memory = joblib.Memory(folder, verbose=0) if kind is joblib.Memory else kind(folder)
    assert resolve_cache(memory).get_many(namespace, keys)[0] is not None


@pytest.mark.parametrize("memory", [None, joblib.Memory(None)])
def test_no_folder_means_no_cache(memory):
    assert resolve_cache(memory) is None


def test_the_caps_of_a_feature_cache_are_kept(tmp_path):
    cache = FeatureCache(tmp_path, max_disk_bytes=5)
    assert resolve_cache(cache) is cache


def test_nothing_is_opened(tmp_path):
    clone(resolve_cache(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    resolve_cache("~/features").info()
    assert len(list((tmp_path / "features").iterdir())) == 1


@pytest.mark.parametrize("memory", [3, b"folder", object, True])
def test_something_else_is_refused(memory):
    with pytest.raises(ValueError, match="must be None, a folder .str or path., a jo"):
        resolve_cache(memory)


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file' is a file; features are kept in a"):
        resolve_cache(tmp_path / "file")


def test_another_backend_is_refused(tmp_path):
    memory = joblib.Memory(tmp_path, verbose=0)
    memory.backend = "cloud"
    with pytest.raises(ValueError, match="backend 'cloud'; features need a local fol"):
        resolve_cache(memory)


@pytest.mark.parametrize(
    "parameters", [{"max_disk_bytes": -1}, {"max_memory_bytes": 1e9}, {"location": 3}]
)
def test_parameters_are_checked_before_use(tmp_path, parameters):
    cache = FeatureCache(tmp_path).set_params(**parameters)
    (name,) = parameters
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of FeatureC"):
        resolve_cache(cache)
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of FeatureC"):
        cache.info()
