"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Give a file to write to, which takes the place of `path` once it is complete.

    Whatever fails, a file that was there stays as it was.

    Parameters
    ----------
    path : str or PathLike
        Where the file shall be.

    Yields
    ------
    Path
        An empty file in the same folder.

    Raises
    ------
    FileNotFoundError
        If the folder is not there.
    IsADirectoryError
        If `path` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder. Pass the name of a file in it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{path} cannot be written: there is no folder {path.parent}. Make it "
            "first."
        )
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    begun = Path(name)
    try:
        yield begun
        # Temporary files are for their owner alone; others get what they usually get.
        begun.chmod(path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        begun.replace(path)
    finally:
        begun.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
