"""The plan of a job: which rows are spoken, which are kept, and which fail at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Error, InvalidRequestError, NotFoundError
from .identity import derived_seed, digest, file_digest
from .names import Names
from .records import Record, failed, is_kept
from .request import FILES, Fields, Request, checked_fields, merged, with_paths
from .rows import Row
from .settings import Audio, Model


@dataclass(frozen=True)
class Job:
    """The settings of a job, and the fields of rows that do not have them."""

    model: Model
    """How the model is loaded."""
    audio: Audio
    """How audio files are written."""
    defaults: Fields
    """Fields of rows that do not have them."""
    seed: int
    """Seed from which rows that have none get theirs."""

    def settings(self) -> Fields:
        """Returns what all audio files depend on."""
        return {**self.model.identity(), **self.audio.identity()}


@dataclass
class Plan:
    """The rows of a job by what is done with them."""

    order: list[str] = field(default_factory=list)
    """Ids of all rows."""
    kept: list[Record] = field(default_factory=list)
    """Results of earlier jobs that are still true."""
    others: list[Record] = field(default_factory=list)
    """Results of earlier jobs for rows that this job does not have."""
    failed: list[Record] = field(default_factory=list)
    """Results of rows that cannot be spoken."""
    todo: list[Request] = field(default_factory=list)
    """Rows to speak."""


def plan(rows: Iterable[Row], output: Path, job: Job, done: dict[str, Record]) -> Plan:
    """Plans the rows of a job. ``done`` has the results of earlier jobs by id.

    Raises an :class:`InvalidRequestError` if an id is there twice.
    """
    result = Plan()
    planner = _Planner(job)
    known: set[str] = set()
    for row in rows:
        if row.id in known:
            raise InvalidRequestError(f"the id {row.id!r} is there twice; expected another for each row")
        known.add(row.id)
        result.order.append(row.id)
        try:
            request = planner.request(row)
        except Error as error:
            result.failed.append(failed(row.id, None, error, dict(row.values)))
            continue
        record = done.get(row.id)
        if record is not None and is_kept(record, request, output):
            result.kept.append(record)
        else:
            result.todo.append(request)
    result.others = [
        record
        for record in done.values()
        if record["id"] not in known and not planner.names.has(record["file"])
    ]
    return result


class _Planner:
    def __init__(self, job: Job) -> None:
        self.names = Names()
        self._job = job
        self._settings = digest(job.settings())
        self._digests: dict[str, str] = {}

    def request(self, row: Row) -> Request:
        """Returns a row as it is spoken."""
        if row.error is not None:
            raise InvalidRequestError(row.error)
        audio = self._job.audio
        fields = with_paths(merged(self._job.defaults, checked_fields(row.values)))
        if "file" in fields and "format" in fields and "format" in row.values:
            raise InvalidRequestError("the ending of `file` is the format: leave out `format`")
        ending = fields.pop("format", audio.ending())
        file = fields.pop("file", None) or f"{row.id}.{ending}"
        self.names.take(file, row.id)
        audio.check(file)
        seed = fields.get("seed")
        seed = derived_seed(self._job.seed, row.id) if seed is None else seed
        inputs = {fields[name]: self._digest(fields[name]) for name in FILES if name in fields}
        # Not the paths of voices: a file may be moved.
        spoken = {name: value for name, value in fields.items() if name not in FILES}
        identity = digest([spoken, list(inputs.values()), "voice" in fields, seed, file, self._settings])
        return Request(row.id, file, seed, fields, inputs, identity)

    def _digest(self, path: str) -> str:
        if path not in self._digests:
            if not os.path.isfile(path):
                raise NotFoundError(f"cannot read {path}: not found, or not a file")
            self._digests[path] = file_digest(path)
        return self._digests[path]
