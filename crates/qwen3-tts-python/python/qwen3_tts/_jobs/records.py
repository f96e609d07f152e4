"""Results of rows: one JSON object for each, in a manifest, and in journals until they are there."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import Error, InternalError
from ..part_file import PartFile
from ..speech import Speech
from .names import STATE
from .request import Fields, Request

Record = dict[str, Any]
"""The result of a row."""

_LIVES = 5
"""Number of processes that may die one after the other without completing a row."""


def completed(request: Request, speech: Speech, size: int, settings: Fields) -> Record:
    """Returns the record of a row that was spoken to a file of ``size`` bytes."""
    return {
        "id": request.id,
        "file": request.file,
        "status": "ok",
        "seed": speech.seed,
        "frames": len(speech.codes),
        "audio_seconds": speech.duration,
        "stop_reason": speech.stop_reason,
        "pieces": len(speech.pieces),
        "retries": sum(piece.attempts - 1 for piece in speech.pieces),
        "prompt_tokens": speech.stats.prompt_tokens,
        "processing_seconds": speech.stats.processing,
        "bytes": size,
        "request": request.fields,
        "inputs": request.inputs,
        "settings": settings,
        "identity": request.identity,
    }


def failed(row_id: str, file: str | None, error: Exception, fields: Fields) -> Record:
    """Returns the record of a row that failed."""
    return {
        "id": row_id,
        "file": file,
        "status": "failed",
        "error": str(error) or repr(error),
        "error_kind": _kind(error),
        "request": fields,
    }


def _kind(error: Exception) -> str:
    """Returns the kind of an error: ``invalid_request``, ``not_found`` …"""
    if not isinstance(error, Error):
        is_request = isinstance(error, (TypeError, ValueError))
        return "io" if isinstance(error, OSError) else "invalid_request" if is_request else "internal"
    name = type(error).__name__.removesuffix("Error")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def is_kept(record: Record | None, request: Request, output: Path) -> bool:
    """Returns true if a record is the result of this very row, and its file is still there."""
    if record is None or record["status"] != "ok" or record.get("identity") != request.identity:
        return False
    try:
        return (output / request.file).stat().st_size == record.get("bytes")
    except OSError:
        return False


def lines(path: Path) -> Iterator[Record]:
    """Reads the records of a file."""
    for value in _objects(path):
        if isinstance(value.get("id"), str) and "status" in value:
            yield value


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    """Reads the JSON objects of a file. Lines that an interruption cut off are skipped."""
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value


def as_line(record: Record) -> bytes:
    """Returns a record as a line of JSON."""
    try:
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        # A text with half a surrogate pair, which no encoding has.
        return json.dumps(record).encode() + b"\n"


class Journal:
    """The results of one process, which survive it. It is in the output directory, which all machines
    share."""

    def __init__(self, output: Path, owner: str) -> None:
        """Creates the journal of this process, which ``owner`` names together with those before it."""
        folder = output / STATE
        folder.mkdir(parents=True, exist_ok=True)
        host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())
        name = f"journal-{owner}-{time.time_ns():020}-{host}-{os.getpid()}.jsonl"
        self._file: BinaryIO = open(folder / name, "xb", buffering=0)
        self._lock = threading.Lock()

    def begin(self, row_id: str) -> None:
        """Notes that a row is being spoken."""
        self._write({"begun": row_id})

    def add(self, record: Record) -> None:
        """Adds a record. It survives this process at once."""
        self._write(record)

    def close(self) -> None:
        """Closes the file, which stays."""
        self._file.close()

    def _write(self, value: Record) -> None:
        with self._lock:
            self._file.write(as_line(value))


def check_lives(output: Path, owner: str) -> None:
    """Raises an :class:`InternalError` if the last few processes of an owner died without completing a
    row, as they do if a row needs more memory than there is."""
    lives = sorted((output / STATE).glob(f"journal-{owner}-*.jsonl"))[-_LIVES:]
    if len(lives) < _LIVES or any(True for life in lives for _ in lines(life)):
        return
    rows = ", ".join(repr(value.get("begun")) for value in _objects(lives[-1]))
    raise InternalError(
        f"the process died {_LIVES} times without completing a row; it was speaking {rows or 'none'}: "
        "give it more memory, or take out these rows"
    )


def journals(output: Path) -> list[Path]:
    """Returns the journals of all processes that wrote to a directory."""
    return sorted((output / STATE).glob("journal-*.jsonl"))


def latest(files: Iterable[Path]) -> dict[str, Record]:
    """Returns the last record that completed each row, by id."""
    records = (record for file in files for record in lines(file))
    return {record["id"]: record for record in records if record["status"] == "ok"}


class Manifest:
    """The results of a job, each row once. It grows with every result, and has the order of the rows at
    the end."""

    def __init__(self, path: Path, kept: Iterable[Record]) -> None:
        """Replaces the file by one with the records that are kept."""
        self._path = path
        self._places: dict[str, int] = {}
        with PartFile(path.parent) as part:
            self._file: BinaryIO = part.file  # type: ignore[assignment]
            for record in kept:
                self.add(record)
            part.persist(path)
        self._file = open(path, "r+b")

    def add(self, record: Record) -> bool:
        """Adds a record. Returns false if its row is there already."""
        if record["id"] in self._places:
            return False
        self._places[record["id"]] = self._file.seek(0, os.SEEK_END)
        self._file.write(as_line(record))
        self._file.flush()
        return True

    def finish(self, order: Iterable[str]) -> None:
        """Writes the records in order, those of other rows first, and closes the file."""
        order = [row_id for row_id in order if row_id in self._places]
        known = set(order)
        others = [row_id for row_id in self._places if row_id not in known]
        with PartFile(self._path.parent) as part:
            for row_id in [*others, *order]:
                self._file.seek(self._places[row_id])
                part.file.write(self._file.readline())
            part.persist(self._path)
        self._file.close()
