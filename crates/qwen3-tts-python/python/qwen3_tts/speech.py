"""Speech that is complete."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .audio_file import AudioFile, encode, settings

StopReason = Literal["eos", "max_frames", "cancelled"]
"""Reason why a speech ended: by itself, at its limit of frames, or cancelled."""


@dataclass(frozen=True)
class Piece:
    """A piece of a long text that was spoken."""

    index: int
    """Index in the text."""
    start: int
    """Index of its first character in the text."""
    end: int
    """Index after its last character in the text."""
    frames: int
    """Length in 80 ms frames."""
    stop_reason: StopReason
    """Reason why it ended."""
    seed: int
    """Its seed."""
    attempts: int
    """Number of times that it was spoken."""
    is_runaway: bool
    """True if the last attempt too did not end and was cut off."""
    pause_seconds: float
    """Silence after it in seconds."""


@dataclass(frozen=True)
class Stats:
    """Times of a speech in seconds, and their proportion to its length."""

    prefill: float
    """Embedding the prompts and the first pass over them."""
    talker: float
    """Generating the first codebook."""
    code_predictor: float
    """Generating the other codebooks."""
    codec: float
    """Decoding codes to audio."""
    time_to_first_audio: float
    """From the request to the first samples."""
    processing: float
    """From the request to the end."""
    real_time_factor: float
    """``processing`` per second of audio; 0 without audio."""
    prompt_tokens: int
    """Number of tokens of text and instruction."""


@dataclass(frozen=True, eq=False)
class Speech:
    """A complete speech. A notebook shows a player for it."""

    audio: NDArray[np.float32] = field(repr=False)
    """Mono samples in [-1, 1]; empty if they were taken in chunks, or written to a file."""
    sample_rate: int
    """Sample rate in Hz."""
    codes: NDArray[np.int64] = field(repr=False)
    """Codes (frames, codebooks)."""
    stop_reason: StopReason
    """Reason why it ended."""
    seed: int
    """Seed that reproduces it."""
    n_samples: int
    """Number of samples, also if ``audio`` is empty."""
    pieces: list[Piece] = field(repr=False)
    """Pieces of the text, in order."""
    stats: Stats = field(repr=False)
    """Times."""

    @classmethod
    def _of(cls, audio: NDArray[np.float32], output: dict[str, Any]) -> Speech:
        seconds = output["n_samples"] / output["sample_rate"]
        processing = output["processing_seconds"]
        stats = Stats(
            **output["timings"],
            processing=processing,
            real_time_factor=processing / seconds if seconds else 0.0,
            prompt_tokens=output["prompt_tokens"],
        )
        taken = ("sample_rate", "codes", "stop_reason", "seed", "n_samples")
        return cls(
            audio=audio,
            pieces=[Piece(**piece) for piece in output["pieces"]],
            stats=stats,
            **{name: output[name] for name in taken},
        )

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        sample_format: str | None = None,
        sample_rate: int | None = None,
        bitrate: int | None = None,
        title: str | None = None,
    ) -> None:
        """Writes an audio file, whole or not at all.

        The format is that of the ending of the path, or ``format``: ``wav``, ``flac``, ``mp3``, ``aac``,
        ``opus`` or ``pcm``. ``sample_format`` is ``s16`` (the default), ``s24`` or ``f32``;
        ``sample_rate`` in Hz resamples; ``bitrate`` is in kbit/s; ``title`` is written where the format
        has a place for it.
        """
        how = settings(format, sample_format, sample_rate, bitrate, title)
        audio = self._audio()
        with AudioFile(path, self.sample_rate, how) as file:
            file.write(audio)
            file.complete()

    def to_bytes(
        self,
        format: str = "wav",
        *,
        sample_format: str | None = None,
        sample_rate: int | None = None,
        bitrate: int | None = None,
        title: str | None = None,
    ) -> bytes:
        """Returns the bytes of an audio file, see :meth:`save`."""
        how = settings(format, sample_format, sample_rate, bitrate, title)
        return encode(self._audio(), self.sample_rate, how)

    def _audio(self) -> NDArray[np.float32]:
        if len(self.audio) != self.n_samples:
            raise ValueError("the audio of this speech was taken in chunks: join those")
        return self.audio

    def _repr_html_(self) -> str:
        if len(self.audio) != self.n_samples:
            return f"<pre>{escape(repr(self))}</pre>"
        wav = base64.b64encode(self.to_bytes("wav")).decode()
        return f'<audio controls src="data:audio/wav;base64,{wav}"></audio>'
