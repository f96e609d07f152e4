"""A book: chapters that are spoken in pieces on many machines, and joined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio_file import AudioFile
from ..errors import InvalidRequestError, IoError, NotFoundError
from ..synthesizer import Synthesizer
from .identity import derived_seed, digest
from .names import STATE
from .plan import Job
from .records import Record
from .request import Fields
from .rows import Row
from .settings import Audio

PIECES = Audio(format="pcm", sample_format="f32")
"""Audio of pieces, which keeps every bit of the samples."""

_BLOCK = 1 << 18
"""Number of samples that are joined at a time."""
_SPLITTING = ("piece_tokens", "each_sentence", "clause_pause", "sentence_pause", "paragraph_pause")
_MAX_SEED = 2**64


@dataclass(frozen=True)
class Piece:
    """A piece of a chapter."""

    text: str
    """Its text."""
    pause: float
    """Silence after it in seconds."""


@dataclass(frozen=True)
class Chapter:
    """A chapter in pieces."""

    id: str
    """Its name, which its file has too."""
    seed: int
    """Seed of the first piece; each following one has the next."""
    pieces: list[Piece]
    """Its pieces."""

    def rows(self, defaults: Fields) -> list[Row]:
        """Returns the rows of its pieces."""
        # A piece fits its row, whatever the sum of the tokens of its parts is.
        tokens = 2 * defaults.get("piece_tokens", 256)
        return [
            Row(
                piece_id(self.id, index),
                {"text": piece.text, "seed": (self.seed + index) % _MAX_SEED, "piece_tokens": tokens},
            )
            for index, piece in enumerate(self.pieces)
        ]


def piece_id(chapter: str, index: int) -> str:
    """Returns the id of a piece."""
    return f"{chapter}/{index:05}"


def pieces_folder(output: Path) -> Path:
    """Returns the directory of pieces that are not joined yet."""
    return output / STATE / "pieces"


def check_defaults(defaults: Fields) -> None:
    """Checks that pieces can have these options. Raises an :class:`InvalidRequestError` if not."""
    for name in ("markup", "long_text"):
        if name in defaults:
            raise InvalidRequestError(f"`{name}` is for rows; a book has pieces of plain text")


def piece_defaults(defaults: Fields) -> Fields:
    """Returns the fields of all pieces."""
    return {name: value for name, value in defaults.items() if name not in (*_SPLITTING, "format")}


def split_chapter(tts: Synthesizer, name: str, text: str, job: Job) -> Chapter:
    """Splits a chapter as :meth:`Synthesizer.speak` does, and gives its pieces seeds as that does."""
    options = {name: job.defaults.get(name) for name in ("language", *_SPLITTING)}
    pieces = [Piece(piece, pause) for piece, pause in tts._split(text, options)]
    # A text of one piece is spoken with the space around it.
    if len(pieces) == 1:
        pieces = [Piece(text, pieces[0].pause)]
    return Chapter(name, derived_seed(job.seed, name), pieces)


def joined_identity(pieces: list[str], chapter: Chapter, file: str, job: Job) -> str:
    """Returns the digest of all that the file of a chapter depends on."""
    pauses = [piece.pause for piece in chapter.pieces]
    return digest([pieces, pauses, file, job.audio.identity()])


def join(
    chapter: Chapter, files: list[Path], path: Path, audio: Audio, rate: int
) -> dict[str, Any]:
    """Joins the pieces of a chapter to one audio file, whole or not at all. The memory needed does not
    grow with its length. Returns the number of bytes and of samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0
    with AudioFile(path, rate, audio.settings()) as file:
        for piece, source in zip(chapter.pieces, files, strict=True):
            for block in _blocks(source):
                file.write(block)
                samples += len(block)
            silence = int(round(piece.pause * 1e9)) * rate // 1_000_000_000
            file.write(np.zeros(silence, np.float32))
            samples += silence
        size = file.complete()
    return {"bytes": size, "samples": samples}


def _blocks(source: Path) -> Iterator[NDArray[np.float32]]:
    try:
        with open(source, "rb") as file:
            while block := file.read(4 * _BLOCK):
                yield np.frombuffer(block, "<f4").astype(np.float32)
    except FileNotFoundError:
        raise NotFoundError(f"the piece {source} has gone: run the job again") from None
    except ValueError:
        raise IoError(f"the piece {source} is cut off: run the job again") from None


def chapter_record(chapter: Chapter, pieces: list[Record], joined: dict[str, Any], job: Job) -> Record:
    """Returns the record of a chapter that was joined, which names its first seed."""
    return {
        "id": chapter.id,
        "file": joined["file"],
        "status": "ok",
        "seed": chapter.seed,
        "frames": sum(piece["frames"] for piece in pieces),
        "audio_seconds": joined["samples"] / joined["rate"],
        "stop_reason": "max_frames" if any(p["stop_reason"] != "eos" for p in pieces) else "eos",
        "pieces": len(pieces),
        "retries": sum(piece["retries"] for piece in pieces),
        "prompt_tokens": sum(piece["prompt_tokens"] for piece in pieces),
        "processing_seconds": sum(piece["processing_seconds"] for piece in pieces),
        "bytes": joined["bytes"],
        "request": job.defaults,
        "settings": job.settings(),
        "identity": joined["identity"],
    }
