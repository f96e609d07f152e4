"""The output directory of a job, which belongs to one job at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import InvalidRequestError, IoError
from ..part_file import sweep, try_lock
from .names import MANIFEST, STATE
from .records import Record, journals, latest, lines


@contextmanager
def claimed(output: Path) -> Iterator[None]:
    """Creates a directory and keeps other jobs out of it.

    Raises an :class:`IoError` if a job is there already, or if the directory cannot be written.
    """
    try:
        lock = _lock(output)
    except OSError as error:
        if isinstance(error, IoError):
            raise
        raise IoError(f"cannot write {output}: {error.strerror}") from error
    with lock:
        try:
            yield
        finally:
            os.unlink(lock.name)
            _remove_empty(output / STATE)


def _lock(output: Path) -> IO[bytes]:
    path = output / STATE / "lock"
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open(path, "wb")
        if not try_lock(lock):
            lock.close()
            raise IoError(f"another job writes to {output}: wait for its end, or choose another output")
        try:
            if os.path.samestat(os.stat(path), os.fstat(lock.fileno())):
                return lock
        except FileNotFoundError:
            pass
        # The job that had it has just removed it.
        lock.close()


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        pass


def earlier_results(output: Path) -> dict[str, Record]:
    """Returns the last result that completed each row, of the manifest and of jobs that were killed.

    Raises an :class:`InvalidRequestError` if the manifest is not that of a job.
    """
    manifest = output / MANIFEST
    if manifest.exists() and manifest.stat().st_size and not any(True for _ in lines(manifest)):
        raise InvalidRequestError(
            f"{manifest} is not of such a job: choose another output, or move the file away"
        )
    return latest([manifest, *journals(output)])


def remove_journals(output: Path) -> None:
    """Removes the journals of a directory, whose results are in its manifest."""
    for journal in journals(output):
        journal.unlink(missing_ok=True)


def sweep_beside(output: Path, files: Iterable[str]) -> None:
    """Removes the temporary files that killed processes left beside files."""
    for folder in {output, *((output / file).parent for file in files)}:
        if folder.is_dir():
            sweep(folder)
