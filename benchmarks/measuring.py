"""What every measurement needs: the machine, the clock, the memory, the file."""

import contextlib
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from pathlib import Path

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-image",
    "torch",
    "torchvision",
    "skorch",
    "timm",
    "fastai",
    "kymatio",
    "skmultigran",
)


def machine():
    """Return what the figures depend on besides the code.

    Nothing heavy is imported for it, so that a process that only starts others stays
    small.
    """
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "as many as cores"),
        "system": platform.system(),
        "python": platform.python_version(),
        **_versions(),
    }


def _processor():
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions():
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


@contextlib.contextmanager
def timed(record):
    """Note wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    record["wall_seconds"] = time.perf_counter() - wall
    record["cpu_seconds"] = time.process_time() - cpu


def peak_mib():
    """Return the most memory that this process has had so far, in MiB.

    Linux lets `ru_maxrss` begin at what the parent process had, its own table does not.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


class Records:
    """The records of a program, written after each: a long run can be cut."""

    def __init__(self, path, program, *, resume=False):
        self.path, self.program, self.records = Path(path), program, []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if resume and self.path.exists():
            found = json.loads(self.path.read_text(encoding="utf-8"))
            self.records = found["records"]

    def add(self, record):
        self.records.append(record)
        result = {
            "program": self.program,
            "machine": machine(),
            "records": self.records,
        }
        unfinished = self.path.with_suffix(".part")
        unfinished.write_text(json.dumps(result, indent=1), encoding="utf-8")
        unfinished.replace(self.path)
