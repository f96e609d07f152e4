"""Files that are complete or absent."""

from __future__ import annotations

import os
import re
import secrets
import string
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"\.qwen3-tts-[A-Za-z0-9]{10}\.part")
_LETTERS = string.ascii_letters + string.digits


class PartFile:
    """A temporary file beside its final place, named and locked as the command ``qwen3-tts`` does. It is
    removed at the end of a ``with`` block, unless :meth:`persist` has given it its name."""

    def __init__(self, folder: Path) -> None:
        while True:
            name = "".join(secrets.choice(_LETTERS) for _ in range(10))
            self._path = folder / f".qwen3-tts-{name}.part"
            try:
                self.file: IO[bytes] = open(self._path, "x+b")
            except FileExistsError:
                continue
            if try_lock(self.file) and self._path.exists():
                return
            # Another process took it for one that was left behind.
            self.file.close()

    def persist(self, path: Path) -> None:
        """Gives the file its final name, once its bytes are on disk."""
        self.file.flush()
        os.fsync(self.file.fileno())
        if fcntl is None:
            # Windows renames no open file.
            self.file.close()
        os.replace(self._path, path)
        self.file.close()

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *_: object) -> None:
        # After `persist` the file is not there.
        if fcntl is None:
            self.file.close()
        self._path.unlink(missing_ok=True)
        self.file.close()


def try_lock(file: IO[Any]) -> bool:
    """Locks a file unless another process has it. Returns true also where files have no locks."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def sweep(folder: Path) -> None:
    """Removes the temporary files that killed processes left in a folder."""
    if fcntl is None:
        return
    for entry in os.scandir(folder):
        if not _NAME.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
            continue
        try:
            with open(entry.path, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(entry.path)
        except OSError:
            continue
