"""Cloned voices."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native


class Voice:
    """A voice cloned from a recording, for models of one size.

    :meth:`Synthesizer.clone_voice` makes it. It can be kept in a file, pickled, and compared::

        voice = tts.clone_voice("ann.wav", "What Ann says in it.")
        voice.save("ann.voice")
        tts.speak("Hello!", voice=qwen3_tts.Voice.load("ann.voice"))

    A voice with ``codes`` and their ``transcript`` continues its recording; one without has its speaker
    embedding only.
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        speaker_embedding: ArrayLike,
        *,
        codes: ArrayLike | None = None,
        transcript: str | None = None,
        model_size: str = "0b6",
    ) -> None:
        """Makes a voice of its parts: a speaker embedding (x-vector), and codes (frames, codebooks) with
        their transcript. ``model_size`` is ``"0b6"`` or ``"1b7"``."""
        embedding = np.ascontiguousarray(speaker_embedding, dtype=np.float32)
        frames = None if codes is None else as_codes(codes)
        self._native = _native.Voice(embedding, model_size, frames, transcript)

    @classmethod
    def _of(cls, native: _native.Voice) -> Voice:
        voice = cls.__new__(cls)
        voice._native = native
        return voice

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Voice:
        """Reads a voice file, as :meth:`save` and ``qwen3-tts voice create`` write it."""
        return cls._of(_native.Voice.load(os.fspath(path)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a voice file, which ``qwen3-tts speak --voice`` reads too."""
        self._native.save(os.fspath(path))

    @property
    def speaker_embedding(self) -> NDArray[np.float32]:
        """Speaker embedding (x-vector)."""
        return self._native.speaker_embedding

    @property
    def codes(self) -> NDArray[np.int64] | None:
        """Codes of the recording (frames, codebooks); None for a voice without a transcript."""
        return self._native.codes

    @property
    def transcript(self) -> str | None:
        """Words of the recording; None for a voice that is its speaker embedding only."""
        return self._native.transcript

    @property
    def model_size(self) -> str:
        """Size of the model that the voice was made with: ``"0b6"`` or ``"1b7"``."""
        return self._native.model_size

    def __eq__(self, other: object) -> bool:
        return self._native == other._native if isinstance(other, Voice) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.speaker_embedding, self.codes, self.transcript, self.model_size)
        return _restore, parts

    def __repr__(self) -> str:
        kind = "speaker embedding only" if self.codes is None else f"{len(self.codes)} frames"
        return f"<qwen3_tts.Voice, {self.model_size}, {kind}>"


def _restore(embedding: ArrayLike, codes: ArrayLike, transcript: str, size: str) -> Voice:
    return Voice(embedding, codes=codes, transcript=transcript, model_size=size)


def as_codes(codes: ArrayLike) -> NDArray[np.int64]:
    """Returns codes as the native half takes them: frames × codebooks, whole numbers."""
    array = np.asarray(codes)
    if array.ndim != 2:
        raise ValueError(f"codes: expected an array of frames × codebooks, not of shape {array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"codes: expected integers, not {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.int64)
