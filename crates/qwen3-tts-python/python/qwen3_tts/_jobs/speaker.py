"""A process that speaks rows."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..audio_file import AudioFile
from ..errors import CancelledError
from ..speech import Speech
from ..synthesizer import Synthesizer
from ..voice import Voice
from .plan import Job
from .records import Journal, Record, check_lives, completed, failed, is_kept, journals, latest
from .request import Request


class Speaker:
    """A loaded model that speaks rows to files, several at a time.

    Its journal has the results. A row that the journal of another process has, one that died, is not
    spoken again.
    """

    def __init__(
        self, job: Job, output: Path, *, owner: str, threads: int, together: int
    ) -> None:
        """Loads the model. ``owner`` names the process and those that it replaces.

        Raises an :class:`InternalError` if the last few of these completed no row.
        """
        check_lives(output, owner)
        self._done = latest(journals(output))
        self._tts = job.model.load(threads, together)
        self._voices = _Voices(self._tts)
        self._settings = job.settings()
        self._audio = job.audio
        self._output = output
        self._journal = Journal(output, owner)
        # As many callers as the model speaks at a time: there is never one too many.
        self._callers = ThreadPoolExecutor(together)

    def speak(self, requests: Iterable[Request]) -> list[Record]:
        """Speaks rows, and returns the result of each in order. Several threads may call this; their
        rows are spoken together."""
        return list(self._callers.map(self._speak, requests))

    def close(self) -> None:
        """Frees the model."""
        self._callers.shutdown()
        self._tts.close()
        self._journal.close()

    def _speak(self, request: Request) -> Record:
        earlier = self._done.get(request.id)
        if earlier is not None and is_kept(earlier, request, self._output):
            return earlier
        self._journal.begin(request.id)
        try:
            speech, size = self._write(request)
        except CancelledError:
            raise
        except Exception as error:
            record = failed(request.id, request.file, error, request.fields)
        else:
            record = completed(request, speech, size, self._settings)
        self._journal.add(record)
        return record

    def _write(self, request: Request) -> tuple[Speech, int]:
        path = self._output / request.file
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {**request.options(), "voice": self._voices.get(request)}
        with (
            AudioFile(path, self._tts.sample_rate, self._audio.settings()) as file,
            self._tts._start(request.fields["text"], options, whole_pieces=True) as stream,
        ):
            for chunk in stream:
                file.write(chunk.audio)
            speech = stream.collect()
            return speech, file.complete()


class _Voices:
    """The voices that rows name, each loaded or cloned once."""

    def __init__(self, tts: Synthesizer) -> None:
        self._tts = tts
        self._lock = threading.Lock()
        self._made: dict[Any, Voice] = {}

    def get(self, request: Request) -> Voice | None:
        fields = request.fields
        if not request.inputs:
            return None
        only = fields.get("x_vector_only", False)
        key = (*request.inputs.values(), "voice" in fields, fields.get("ref_text"), only)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(fields, only)
            return self._made[key]

    def _make(self, fields: dict[str, Any], only: bool) -> Voice:
        if "voice" not in fields:
            return self._tts.clone_voice(fields["ref_audio"], None if only else fields.get("ref_text"))
        voice = Voice.load(os.fspath(fields["voice"]))
        return Voice(voice.speaker_embedding, model_size=voice.model_size) if only else voice
