"""Digests of all that a result depends on, equal on every machine."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .._native import __version__

_SAMPLES = 32
_SAMPLE = 1 << 16


def digest(value: Any) -> str:
    """Returns the SHA-256 of a JSON value, whatever the order of its names."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of a file."""
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def derived_seed(job_seed: int, row_id: str) -> int:
    """Returns the seed of a row that has none: 53 bits, which every reader of JSON keeps."""
    sha = hashlib.sha256(f"{job_seed}\n{row_id}".encode())
    return int.from_bytes(sha.digest()[:8], "big") >> 11


def model_identity(name: str | None) -> dict[str, Any]:
    """Returns the identity of a model: for a directory, that of its files wherever they are; for any
    other name, the name."""
    if name is None:
        return {"built_in": __version__}
    if not os.path.isdir(name):
        return {"name": name}
    folder = Path(name)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path, folder))
    return {"files": digest([[str(path.relative_to(folder)), _fingerprint(path)] for path in files])}


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _fingerprint(path: Path) -> list[Any]:
    """Returns the size of a file and a digest: of the whole of a small one, and of places all over a
    large one, whose every byte would take long to read."""
    size = path.stat().st_size
    if size <= _SAMPLES * _SAMPLE:
        return [size, file_digest(path)]
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        for index in range(_SAMPLES):
            file.seek((size - _SAMPLE) * index // (_SAMPLES - 1))
            sha.update(file.read(_SAMPLE))
    return [size, sha.hexdigest()]
