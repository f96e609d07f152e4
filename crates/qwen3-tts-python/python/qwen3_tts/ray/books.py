"""Jobs of books."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Union

import ray

from .._jobs import book
from .._jobs.book import Chapter
from .._jobs.names import MANIFEST, Names
from .._jobs.output import claimed, earlier_results, sweep_beside
from .._jobs.plan import Job, Plan, plan
from .._jobs.records import Manifest, Record, failed, is_kept
from .._jobs.request import Request, checked_defaults
from .._jobs.settings import Audio, Model
from ..errors import Error, InvalidRequestError, NotFoundError
from .pool import Pool
from .report import JobReport
from .rows import as_model, report, speak_plan

Chapters = Union[Mapping[str, str], Iterable["str | os.PathLike[str]"]]
"""Chapters of a book: texts by name, or text files, each a chapter."""


def speak_book(
    chapters: Chapters,
    output: str | os.PathLike[str],
    *,
    model: Model | str | None = None,
    audio: Audio | None = None,
    pool: Pool | None = None,
    defaults: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> JobReport:
    """Speaks chapters to one audio file each below ``output``, a directory that all machines share, and
    writes ``manifest.jsonl``.

    Each chapter is split into pieces, which all actors speak, and joined with the pauses between them. The
    file is that of ``Synthesizer.speak`` for the whole chapter with the seed that the manifest names.
    ``defaults`` are options of the speech, among them ``piece_tokens`` and the pauses. Pieces are kept
    until their chapter is complete; a chapter that an earlier job has completed is kept.
    """
    job = Job(as_model(model), audio or Audio(), checked_defaults(defaults), seed)
    book.check_defaults(job.defaults)
    texts = read_chapters(chapters)
    folder = Path(output).absolute()
    with claimed(folder):
        begin = time.monotonic()
        made = _Book(folder, job, pool or Pool()).speak(texts)
        return report(folder, made.plan, made.records, time.monotonic() - begin)


def read_chapters(chapters: Chapters) -> dict[str, str]:
    """Returns the text of each chapter by name: that of its file without the ending."""
    if isinstance(chapters, Mapping):
        return dict(chapters)
    texts: dict[str, str] = {}
    for path in map(Path, chapters):
        if path.stem in texts:
            raise InvalidRequestError(f"two chapters have the name {path.stem!r}: rename {path}")
        try:
            texts[path.stem] = path.read_text("utf-8-sig")
        except FileNotFoundError:
            raise NotFoundError(f"cannot read {path}: not found") from None
        except UnicodeDecodeError:
            raise InvalidRequestError(f"{path} is not UTF-8: convert it first") from None
    return texts


class _Book:
    """A job of a book, in its directory."""

    def __init__(self, output: Path, job: Job, pool: Pool) -> None:
        self._output = output
        self._pieces = book.pieces_folder(output)
        self._job = job
        self._piece_job = Job(job.model, book.PIECES, book.piece_defaults(job.defaults), job.seed)
        self._pool = pool
        self.plan = Plan()
        self.records: list[Record] = []
        self._identities: dict[str, str] = {}

    def speak(self, texts: dict[str, str]) -> _Book:
        """Speaks the pieces of all chapters, and joins them."""
        done = earlier_results(self._output)
        self.plan.order = list(texts)
        splitting = ray.remote(_split).options(num_cpus=self._pool.sized().threads)
        rate, parts = ray.get(splitting.remote(texts, self._job))
        self._pieces.mkdir(parents=True, exist_ok=True)
        pieces = self._plan(parts, done)
        manifest = Manifest(self._output / MANIFEST, [*self.plan.others, *self.plan.kept])
        try:
            for record in self.plan.failed:
                self._add(manifest, record)
            if self.plan.todo:
                spoken = [*pieces.kept, *speak_plan(pieces, self._pieces, self._piece_job, self._pool)]
                chapters = [part for part in parts if isinstance(part, Chapter)]
                for record in self._joined(chapters, {it["id"]: it for it in spoken}, rate):
                    self._add(manifest, record)
        finally:
            manifest.finish(self.plan.order)
        if not any(record["status"] == "failed" for record in self.records):
            shutil.rmtree(self._pieces, ignore_errors=True)
        return self

    def _add(self, manifest: Manifest, record: Record) -> None:
        if manifest.add(record):
            self.records.append(record)

    def _plan(self, parts: list[Chapter | Record], done: dict[str, Record]) -> Plan:
        """Plans the chapters, and returns the plan of the pieces of those that are not kept."""
        chapters = [part for part in parts if isinstance(part, Chapter)]
        self.plan.failed = [part for part in parts if not isinstance(part, Chapter)]
        rows = [row for chapter in chapters for row in chapter.rows(self._job.defaults)]
        pieces = plan(rows, self._pieces, self._piece_job, earlier_results(self._pieces))
        pieces.others = []
        self._identities = {piece.id: piece.identity for piece in pieces.todo}
        self._identities |= {record["id"]: record["identity"] for record in pieces.kept}
        names = Names()
        for chapter in chapters:
            try:
                request = self._request(chapter, names)
            except Error as error:
                self.plan.failed.append(failed(chapter.id, None, error, self._job.defaults))
                continue
            earlier = done.get(chapter.id)
            if earlier is not None and is_kept(earlier, request, self._output):
                self.plan.kept.append(earlier)
            else:
                self.plan.todo.append(request)
        self.plan.others = [
            record
            for record in done.values()
            if record["id"] not in self.plan.order and not names.has(record["file"])
        ]
        todo = {request.id for request in self.plan.todo}
        pieces.todo = [piece for piece in pieces.todo if _chapter_of(piece.id) in todo]
        return pieces

    def _request(self, chapter: Chapter, names: Names) -> Request:
        """Returns a chapter as a row."""
        file = f"{chapter.id}.{self._job.defaults.get('format', self._job.audio.ending())}"
        names.take(file, chapter.id)
        self._job.audio.check(file)
        if not chapter.pieces:
            raise InvalidRequestError("there is no text to speak")
        ids = [book.piece_id(chapter.id, index) for index in range(len(chapter.pieces))]
        pieces = [self._identities.get(piece, "") for piece in ids]
        identity = book.joined_identity(pieces, chapter, file, self._job)
        return Request(chapter.id, file, chapter.seed, {}, {}, identity)

    def _joined(
        self, chapters: list[Chapter], spoken: dict[str, Record], rate: int
    ) -> Iterator[Record]:
        """Joins the chapters whose pieces were all spoken. Returns the records of all."""
        requests = {request.id: request for request in self.plan.todo}
        sweep_beside(self._output, [request.file for request in self.plan.todo])
        joining, pending = ray.remote(_join), {}
        for chapter in chapters:
            if chapter.id not in requests:
                continue
            file = requests[chapter.id].file
            pieces = [spoken[row.id] for row in chapter.rows(self._job.defaults)]
            wrong = next((piece for piece in pieces if piece["status"] == "failed"), None)
            if wrong is not None:
                yield {
                    **failed(chapter.id, file, Error(), self._job.defaults),
                    "error": f"piece {wrong['id']}: {wrong['error']}",
                    "error_kind": wrong["error_kind"],
                }
                continue
            files = [self._pieces / piece["file"] for piece in pieces]
            task = joining.remote(chapter, files, self._output / file, self._job.audio, rate)
            pending[task] = (chapter, pieces, file)
        while pending:
            (task,), _ = ray.wait(list(pending), num_returns=1)
            chapter, pieces, file = pending.pop(task)
            try:
                joined = ray.get(task)
            except ray.exceptions.RayTaskError as error:
                cause = error.cause if isinstance(error.cause, Exception) else error
                yield failed(chapter.id, file, cause, self._job.defaults)
                continue
            joined = {**joined, "file": file, "rate": rate, "identity": requests[chapter.id].identity}
            yield book.chapter_record(chapter, pieces, joined, self._job)


def _chapter_of(piece: str) -> str:
    return piece.rsplit("/", 1)[0]


def _split(texts: dict[str, str], job: Job) -> tuple[int, list[Chapter | Record]]:
    """Splits chapters, and returns the sample rate of the model too."""
    tts = job.model.load(threads=None, together=1)
    parts: list[Chapter | Record] = []
    for name, text in texts.items():
        try:
            parts.append(book.split_chapter(tts, name, text, job))
        except Error as error:
            parts.append(failed(name, None, error, job.defaults))
    return tts.sample_rate, parts


def _join(chapter: Chapter, files: list[Path], path: Path, audio: Audio, rate: int) -> dict[str, Any]:
    return book.join(chapter, files, path, audio, rate)
