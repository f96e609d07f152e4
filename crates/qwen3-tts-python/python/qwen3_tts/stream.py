"""Speech under way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from . import _native
from .speech import Piece, Speech


@dataclass(frozen=True, eq=False)
class AudioChunk:
    """A part of the audio of a speech."""

    audio: NDArray[np.float32] = field(repr=False)
    """Mono samples in [-1, 1]. Those of all chunks, joined, are the audio of the speech."""
    sample_rate: int
    """Sample rate in Hz."""
    piece: int
    """Index of the piece of the text that it belongs to."""
    first_frame: int
    """Index, within the piece, of its first 80 ms frame."""
    n_frames: int
    """Number of frames; 0 for a silence between pieces."""


@dataclass(frozen=True)
class Progress:
    """Progress of a speech, in 80 ms frames."""

    frames: int
    """Frames generated so far, heard or not."""
    expected_frames: int
    """Frames that the text is expected to take."""
    max_frames: int
    """The most frames."""
    ended_pieces: int
    """Pieces that have ended."""
    active_pieces: int
    """Pieces that are being spoken."""


class SpeechStream:
    """Speech under way: an iterator of :class:`AudioChunk`, and an asynchronous iterator.

    It is generated ahead, a few chunks at most. Leaving a ``with`` block, or dropping the stream, cancels
    it::

        with tts.stream("Good morning.") as speech:
            for chunk in speech:
                play(chunk.audio)

        async for chunk in tts.stream("Good morning."):
            await send(chunk.audio.tobytes())

    Several threads or tasks may share it; each chunk goes to one of them.
    """

    def __init__(self, native: _native.Stream) -> None:
        self._native = native
        self._complete: list[Piece] = []

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return self._native.sample_rate

    @property
    def seed(self) -> int:
        """Seed that reproduces the speech."""
        return self._native.seed

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """First and last index, in characters of the text, of each piece that it is spoken in. Empty for
        a text that is still being written."""
        return self._native.pieces()

    @property
    def complete_pieces(self) -> list[Piece]:
        """Pieces whose chunks were all taken."""
        return list(self._complete)

    @property
    def n_complete(self) -> int:
        """Number of pieces whose chunks were all taken."""
        return len(self._complete)

    @property
    def progress(self) -> Progress:
        """Progress of the speech."""
        return Progress(*self._native.progress())

    def cancel(self) -> None:
        """Ends the speech after the current frame, from any thread. Chunks that were generated before
        can still be taken."""
        self._native.cancel()

    @property
    def result(self) -> Speech | None:
        """The speech without its audio, after the last chunk was taken; None before, and after an
        error."""
        return self._speech([])

    def collect(self) -> Speech:
        """Waits for the end and returns the speech. Its audio is that of the chunks that were not taken
        before."""
        return self._collected([chunk.audio for chunk in self])

    async def collect_async(self) -> Speech:
        """As :meth:`collect`, without blocking the event loop."""
        return self._collected([chunk.audio async for chunk in self])

    def __iter__(self) -> SpeechStream:
        return self

    def __next__(self) -> AudioChunk:
        while True:
            event = self._native.next()
            if event is None:
                raise StopIteration
            chunk = self._take(event)
            if chunk is not None:
                return chunk

    def __aiter__(self) -> SpeechStream:
        return self

    async def __anext__(self) -> AudioChunk:
        while True:
            event = await self._next_event()
            if event is None:
                raise StopAsyncIteration
            chunk = self._take(event)
            if chunk is not None:
                return chunk

    async def _next_event(self) -> _native._Event:
        loop = asyncio.get_running_loop()
        while True:
            change = loop.create_future()
            ready, event = self._native.poll(_setter(loop, change))
            if ready:
                return event
            await change

    def _take(self, event: Any) -> AudioChunk | None:
        if isinstance(event, dict):
            self._complete.append(Piece(**event))
            return None
        samples, piece, first_frame, n_frames = event
        return AudioChunk(samples, self.sample_rate, piece, first_frame, n_frames)

    def _speech(self, parts: list[NDArray[np.float32]]) -> Speech | None:
        output = self._native.output()
        if output is None:
            return None
        audio = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        return Speech._of(audio, output)

    def _collected(self, parts: list[NDArray[np.float32]]) -> Speech:
        speech = self._speech(parts)
        if speech is None:
            raise RuntimeError("this speech has failed before: its error was raised then")
        return speech

    def __enter__(self) -> SpeechStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    async def __aenter__(self) -> SpeechStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()

    def __repr__(self) -> str:
        return f"<qwen3_tts.SpeechStream, seed {self.seed}, {self.progress.frames} frames>"


def _setter(
    loop: asyncio.AbstractEventLoop, change: asyncio.Future[None]
) -> Callable[[], object]:
    """Returns a function that completes a future from another thread."""

    def complete() -> None:
        if not change.done():
            change.set_result(None)

    return lambda: loop.call_soon_threadsafe(complete)


class IncrementalText:
    """A text that is spoken while it is being written, by a language model for example. Leaving a
    ``with`` block finishes it.

    The token ids are those of the whole text, wherever it is cut.
    """

    def __init__(self, native: _native.Text) -> None:
        self._native = native

    def push(self, part: str) -> None:
        """Adds to the text. Never waits."""
        self._native.push(part)

    def finish(self) -> None:
        """Marks the text as complete."""
        self._native.finish()

    def __enter__(self) -> IncrementalText:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()
