"""Several processes and threads, a kill in the midst of writing, pickles."""

import multiprocessing
import pickle
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest

from skmultigran import FeatureCache

# `{write}` is the body of a process that stores rows of known values.
PROGRAM = """
import sys
import numpy as np
from skmultigran.feature_cache import FeatureCache, namespace_key

cache = FeatureCache(sys.argv[1], max_memory_bytes=0)
namespace = namespace_key(test="rows")

def store(number, n_rows=20):
    keys = [b"%16d" % (number + i) for i in range(n_rows)]
    rows = np.arange(number, number + n_rows, dtype="float32")[:, None]
    cache.put_many(namespace, keys, np.repeat(rows, 3000, axis=1))

"""


def start(program, folder):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM + program, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def values(cache, namespace, numbers):
    """Return the value of each row, or None; every row must be intact."""
    found = cache.get_many(namespace, [b"%16d" % i for i in numbers])
    assert all(row is None or np.all(row == row[0]) for row in found)
    return [None if row is None else int(row[0]) for row in found]


def test_two_processes_write_at_once(tmp_path, namespace):
    writing = """
for start in range(0, 200, 20):
    store(int({offset}) + start)
    cache.get_many(namespace, [b"no such key"])
"""
    writers = [start(writing.format(offset=o), tmp_path) for o in (0, 1000)]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert (writer.returncode, errors) == (0, "")
    cache = FeatureCache(tmp_path)
    numbers = [*range(200), *range(1000, 1200)]
    assert values(cache, namespace, numbers) == numbers
    # Also the counts of the others, none lost.
    assert cache.info()[:3] == (400, 20, 400)


def test_a_kill_in_the_midst_of_writing(tmp_path, namespace):
    writing = """
for number in range(0, 10**9, 400):
    store(number, 400)
    print(number + 400, flush=True)
"""
    writer = start(writing, tmp_path)
    written = int(writer.stdout.readline())
    # Now it is at work on the next rows.
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate(timeout=60)
    assert writer.returncode == -signal.SIGKILL
    written = max([written, *map(int, rest.split())])

    cache = FeatureCache(tmp_path)
    numbers = list(range(written + 400))
    found = values(cache, namespace, numbers)
    assert found[:written] == numbers[:written]
    # The batch that was cut off is there as a whole or not at all.
    assert found[written:] in ([None] * 400, numbers[written:])
    cache.put_many(namespace, [b"new"], np.zeros((1, 3), dtype="float32"))
    assert cache.get_many(namespace, [b"new"])[0] is not None


def test_a_journal_left_behind_is_undone(tmp_path, namespace, file):
    # A kill while the pages themselves are written, which a signal rarely hits.
    program = """
import os
from skmultigran.feature_cache import _database
store(0)
pages = _database._write

def write_and_die(connection, **arguments):
    connection.execute("PRAGMA cache_size = 1")  # pages go to the file at once
    connection.execute("PRAGMA cache_spill = 1")
    pages(connection, **arguments)
    os.kill(os.getpid(), 9)

_database._write = write_and_die
store(20, 400)
"""
    writer = start(program, tmp_path)
    writer.communicate(timeout=60)
    assert writer.returncode == -signal.SIGKILL
    journal = file.with_name(f"{file.name}-journal")
    assert journal.stat().st_size > 0
    found = values(FeatureCache(tmp_path), namespace, range(420))
    assert found == [*range(20), *[None] * 400]
    assert not journal.exists()


def test_threads_share_a_cache(tmp_path, namespace, make_rows):
    keys, rows = make_rows(200, 100)
    cache = FeatureCache(tmp_path, max_memory_bytes=40_000)

    def work(thread):
        for start in range(0, 200, 20):
            piece = slice(start, start + 20)
            found = cache.get_many(namespace, keys[piece])
            cache.put_many(namespace, keys[piece], rows[piece])
            for row, expected in zip(found, rows[piece], strict=True):
                assert row is None or np.array_equal(row, expected)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert np.array_equal(cache.get_many(namespace, keys), rows)
    info = cache.info()
    assert info.hits + info.misses == 5 * 200
    assert info.entries == 200


def means_of(cache, namespace, keys):
    return [float(row.mean()) for row in cache.get_many(namespace, keys)]


def test_the_recipe_travels_into_workers(tmp_path, namespace, make_rows):
    keys, rows = make_rows(6)
    cache = FeatureCache(tmp_path, max_memory_bytes=10**6)
    cache.put_many(namespace, keys, rows)
    found = joblib.Parallel(n_jobs=2)(
        joblib.delayed(means_of)(cache, namespace, keys[i::2]) for i in range(2)
    )
    assert found == [[float(row.mean()) for row in rows[i::2]] for i in range(2)]
    assert cache.info().hits == 6


def test_the_recipe_pickles_its_parameters_alone(tmp_path, namespace, make_rows):
    keys, rows = make_rows(6, 10_000)
    cache = FeatureCache(tmp_path, max_memory_bytes=10**6)
    before = pickle.dumps(cache)
    cache.put_many(namespace, keys, rows)
    assert pickle.dumps(cache) == before
    assert pickle.loads(before).get_params() == cache.get_params()


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="No fork here."
)
def test_a_fork_does_not_wait_for_locks_of_its_parent(tmp_path):
    # In a process of its own: this one has threads.
    program = """
import os
store(0)
from skmultigran.feature_cache._store import store_at
inherited = store_at(sys.argv[1])
with inherited._lock, inherited._recent._lock:
    child = os.fork()
    if child == 0:
        store(20)
        os._exit(len(cache.get_many(namespace, [b"%16d" % 20])))
    _, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), cache.info().entries)
"""
    output, errors = start(program, tmp_path).communicate(timeout=60)
    assert (output, errors) == ("1 40\n", "")
