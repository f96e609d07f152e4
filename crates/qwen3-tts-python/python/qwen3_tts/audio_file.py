"""Audio files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _native
from .part_file import PartFile


def settings(
    format: str | None = None,
    sample_format: str | None = None,
    sample_rate: int | None = None,
    bitrate: int | None = None,
    title: str | None = None,
) -> dict[str, Any]:
    """Returns how an audio file is written, for the native half."""
    return {
        "format": format,
        "sample_format": sample_format,
        "sample_rate": sample_rate,
        "bitrate": bitrate,
        "title": title,
    }


def encode(audio: NDArray[np.float32], rate: int, how: dict[str, Any]) -> bytes:
    """Returns the bytes of an audio file."""
    file = _native.AudioFile(rate, None, how)
    begin = file.push(audio)
    rest, head = file.finish()
    whole = begin + rest
    return head + whole[len(head) :]


class AudioFile:
    """An audio file that is written block by block. It appears under its name when it is complete, and
    not at all if its ``with`` block raises."""

    def __init__(self, path: str | os.PathLike[str], rate: int, how: dict[str, Any]) -> None:
        """Begins a file of mono samples at ``rate``, in the format of ``how`` or of the path's ending."""
        self._path = Path(path)
        self._encoder = _native.AudioFile(rate, os.fspath(path), how)
        try:
            self._part = PartFile(self._path.parent)
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.fspath(path)) from None

    def write(self, samples: NDArray[np.float32]) -> None:
        """Adds samples."""
        self._part.file.write(self._encoder.push(samples))

    def complete(self) -> int:
        """Gives the file its name. Returns the number of its bytes."""
        rest, head = self._encoder.finish()
        file = self._part.file
        file.write(rest)
        size = max(file.tell(), len(head))
        file.seek(0)
        file.write(head)
        self._part.persist(self._path)
        return size

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._part.__exit__()
