"""Jobs of rows."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Union

import pyarrow as pa
import ray.data

from .._jobs.names import MANIFEST
from .._jobs.output import claimed, earlier_results, remove_journals, sweep_beside
from .._jobs.plan import Job, Plan, plan
from .._jobs.records import Manifest, Record
from .._jobs.request import Request, checked_defaults
from .._jobs.rows import Row, json_lines, rows_of
from .._jobs.settings import Audio, Model
from .._jobs.speaker import Speaker
from ..errors import InvalidRequestError
from .pool import Pool, SizedPool
from .report import JobReport

Rows = Union[str, "os.PathLike[str]", ray.data.Dataset, Iterable[Mapping[str, Any]]]
"""Rows of a job: a file ``.jsonl`` or ``.parquet``, a Ray Dataset, or dictionaries."""


def speak_rows(
    rows: Rows,
    output: str | os.PathLike[str],
    *,
    model: Model | str | None = None,
    audio: Audio | None = None,
    pool: Pool | None = None,
    defaults: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> JobReport:
    """Speaks rows to audio files below ``output``, a directory that all machines share, and writes
    ``manifest.jsonl``.

    Each row has an ``id`` and a ``text``, and may have a ``file``, a ``seed`` and options of the speech;
    ``defaults`` are the fields of rows that do not have them. A row without a seed gets one derived from
    its id and ``seed``. A row that fails has the status ``"failed"`` in the manifest, and the others go
    on. Rows whose results an earlier job has completed are kept.
    """
    job = Job(as_model(model), audio or Audio(), checked_defaults(defaults), seed)
    folder = Path(output).absolute()
    with claimed(folder):
        begin = time.monotonic()
        planned = plan(read(rows), folder, job, earlier_results(folder))
        pool = pool or Pool()
        made = speak_plan(planned, folder, job, pool)
        return report(folder, planned, made, time.monotonic() - begin)


def as_model(model: Model | str | None) -> Model:
    """Returns a model as it is given."""
    return (model if isinstance(model, Model) else Model(model)).absolute()


def read(rows: Rows) -> Iterator[Row]:
    """Reads rows in any form."""
    if isinstance(rows, ray.data.Dataset):
        return rows_of(rows.iter_rows())
    if not isinstance(rows, (str, os.PathLike)):
        return rows_of(rows)
    path = Path(rows)
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        return json_lines(path)
    if path.suffix.lower() == ".parquet" or path.is_dir():
        return rows_of(ray.data.read_parquet(str(path.absolute())).iter_rows())
    raise InvalidRequestError(f"cannot read {path}: expected a file .jsonl or .parquet, or a Ray Dataset")


def speak_plan(planned: Plan, output: Path, job: Job, pool: Pool) -> list[Record]:
    """Speaks the rows of a plan and writes the manifest. Returns the results of the rows that were
    spoken or failed."""
    files = [request.file for request in planned.todo]
    sweep_beside(output, files)
    made = []
    manifest = Manifest(output / MANIFEST, [*planned.others, *planned.kept])
    try:
        remove_journals(output)
        for record in planned.failed:
            manifest.add(record)
            made.append(record)
        if planned.todo:
            for record in _spoken(planned.todo, output, job, pool.sized()):
                if manifest.add(record):
                    made.append(record)
    finally:
        manifest.finish(planned.order)
        sweep_beside(output, files)
    # Not after an error: they may have results that have not arrived here.
    remove_journals(output)
    return made


def report(output: Path, planned: Plan, made: list[Record], seconds: float) -> JobReport:
    """Returns the outcome of a job."""
    spoken = [record for record in made if record["status"] == "ok"]
    return JobReport(
        manifest=output / MANIFEST,
        rows=len(planned.order),
        spoken=len(spoken),
        kept=len(planned.kept),
        failed=len(made) - len(spoken),
        cut=sum(record["stop_reason"] == "max_frames" for record in spoken),
        audio_seconds=sum(record["audio_seconds"] for record in spoken),
        seconds=seconds,
    )


def _spoken(todo: list[Request], output: Path, job: Job, pool: SizedPool) -> Iterator[Record]:
    """Speaks rows on all actors. Returns their results as they arrive."""
    size = pool.batch_size(len(todo))
    rows = [{"row": request.to_json()} for request in todo]
    dataset = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // size))
    spoken = dataset.map_batches(
        _Speaker,
        fn_constructor_kwargs={
            "job": job,
            "output": str(output),
            "threads": pool.threads,
            "together": pool.pool.together,
        },
        batch_size=size,
        batch_format="pyarrow",
        compute=pool.strategy(),
        # Ray Data restarts an actor that died, and repeats its batches.
        num_cpus=pool.threads,
    )
    for batch in spoken.iter_batches(batch_size=None, batch_format="pyarrow"):
        assert isinstance(batch, pa.Table)
        yield from map(json.loads, batch.column("record").to_pylist())


class _Speaker:
    """An actor of Ray Data, which has loaded the model."""

    def __init__(self, job: Job, output: str, threads: int, together: int) -> None:
        actor = ray.get_runtime_context().get_actor_id() or "driver"
        self._speaker = Speaker(job, Path(output), owner=actor, threads=threads, together=together)

    def __call__(self, batch: pa.Table) -> pa.Table:
        requests = [Request.from_json(row) for row in batch.column("row").to_pylist()]
        records = [json.dumps(record) for record in self._speaker.speak(requests)]
        return pa.table({"record": pa.array(records, pa.large_string())})
