"""The speech tokenizer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..synthesizer import Synthesizer
from . import audio as recordings
from .loading import load
from .tensors import device, is_tensor, to_numpy, to_tensor


@dataclass
class EncoderOutput:
    """Codes of recordings, as attribute, by key or by index."""

    audio_codes: list[Any]
    """Codes of each recording (frames, codebooks): tensors if the program uses torch, else arrays."""

    def keys(self) -> list[str]:
        """Returns the names of the fields."""
        return ["audio_codes"]

    def to_tuple(self) -> tuple[list[Any]]:
        """Returns the fields."""
        return (self.audio_codes,)

    def __getitem__(self, key: str | int) -> Any:
        return (
            {"audio_codes": self.audio_codes}[key] if isinstance(key, str) else self.to_tuple()[key]
        )


class Qwen3TTSTokenizer:
    """Encodes recordings to codes, and decodes codes to audio."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        """Takes a loaded model; :meth:`from_pretrained` loads one."""
        self._synthesizer = synthesizer

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Qwen3TTSTokenizer:
        """Loads the speech tokenizer of a directory or of a model on the hub: one alone, or that of a
        checkpoint. Arguments are those of :meth:`Qwen3TTSModel.from_pretrained`."""
        return cls(load(pretrained_model_name_or_path, kwargs, talker=False))

    @property
    def device(self) -> Any:
        """Device that computes."""
        return device(self._synthesizer.device)

    def encode(self, audios: Any, sr: int | None = None, return_dict: bool = True) -> Any:
        """Encodes a recording or a list of them.

        A recording is a path, a URL, base64, or samples with ``sr``, their rate in Hz. Returns an
        :class:`EncoderOutput`, or with ``return_dict=False`` a tuple.
        """
        codes = [
            to_tensor(self._synthesizer._main.encode(recording))
            for recording in self._recordings(audios, sr)
        ]
        return EncoderOutput(codes) if return_dict else (codes,)

    def _recordings(self, audios: Any, sr: int | None) -> list[Any]:
        if isinstance(audios, (str, os.PathLike, np.ndarray)):
            audios = [audios]
        if len(audios) == 0:
            raise ValueError("there are no recordings to encode")
        texts = [isinstance(audio, (str, os.PathLike)) for audio in audios]
        if texts[0] and all(texts):
            return [recordings.read(audio) for audio in audios]
        if not texts[0] and sr is None:
            raise ValueError("samples need their rate: pass sr, in Hz")
        if not all(isinstance(audio, np.ndarray) for audio in audios):
            raise TypeError("expected texts (paths, URLs, base64) only, or arrays of samples only")
        return [recordings.of_samples(audio, sr) for audio in audios]

    def decode(self, encoded: Any) -> tuple[list[NDArray[np.float32]], int]:
        """Decodes a result of :meth:`encode`, a dict with ``audio_codes``, or a list of such dicts.

        Returns the audio of each, and the sample rate. Frames that are -1 are padding.
        """
        codes = [self._decode(to_numpy(frames)) for frames in _codes_of(encoded)]
        return codes, self.get_output_sample_rate()

    def _decode(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        if frames.ndim != 2 or frames.dtype.kind not in "iu":
            raise ValueError(
                "audio_codes: expected integers (frames, codebooks), not "
                f"{frames.dtype} of shape {frames.shape}"
            )
        length = int((frames[:, 0] > -1).sum())
        if length == 0:
            return np.zeros(0, np.float32)
        frames = np.ascontiguousarray(np.maximum(frames[:length], 0), dtype=np.int64)
        return self._synthesizer._main.decode(frames)

    def get_model_type(self) -> str:
        """Returns the type of the tokenizer: the one of 12.5 frames per second."""
        return "qwen3_tts_tokenizer_12hz"

    def get_input_sample_rate(self) -> int:
        """Returns the sample rate in Hz that recordings are resampled to."""
        return self._synthesizer._facts["input_sample_rate"]

    def get_output_sample_rate(self) -> int:
        """Returns the sample rate in Hz of decoded audio."""
        return self._synthesizer.sample_rate

    def get_encode_downsample_rate(self) -> int:
        """Returns the number of samples that a frame encodes."""
        return self._synthesizer._facts["encode_downsample_rate"]

    def get_decode_upsample_rate(self) -> int:
        """Returns the number of samples that a frame is decoded to."""
        return self._synthesizer._facts["decode_upsample_rate"]


def _codes_of(encoded: Any) -> list[Any]:
    """Returns the codes of each recording."""
    if hasattr(encoded, "audio_codes"):
        codes = encoded.audio_codes
    elif isinstance(encoded, Mapping):
        codes = encoded["audio_codes"]
    elif isinstance(encoded, list):
        codes = [one["audio_codes"] for one in encoded]
    else:
        raise TypeError(
            "expected a result of encode(), a dict with audio_codes, or a list of such dicts, not "
            f"{type(encoded).__name__}"
        )
    if is_tensor(codes) or isinstance(codes, np.ndarray):
        return [codes] if codes.ndim == 2 else list(codes)
    if len(codes) == 0:
        raise ValueError("audio_codes: there are none to decode")
    return list(codes)
