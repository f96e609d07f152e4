"""The model within a model: the attributes of the official one that programs read."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..synthesizer import Synthesizer
from ..voice import Voice
from . import audio as audios
from .tensors import device, to_numpy, to_tensor
from .tokenizer import Qwen3TTSTokenizer


class InnerModel:
    """The attribute ``model`` of a :class:`Qwen3TTSModel`."""

    speaker_encoder_sample_rate = 24000
    """Sample rate in Hz of the recordings that :meth:`extract_speaker_embedding` takes."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        """The model of this package."""
        self.speech_tokenizer = Qwen3TTSTokenizer(synthesizer)
        """Its speech tokenizer."""
        self.tokenizer_type = self.speech_tokenizer.get_model_type()
        """Type of the speech tokenizer."""
        self.tts_model_type = synthesizer.model_type
        """``"custom_voice"``, ``"voice_design"`` or ``"base"``."""
        self.tts_model_size = synthesizer.model_size
        """``"0b6"`` or ``"1b7"``."""
        self.generate_config: dict[str, Any] = dict(synthesizer._facts["generation"])
        """Sampling that the checkpoint publishes."""

    @property
    def device(self) -> Any:
        """Device that computes."""
        return device(self.synthesizer.device)

    def get_supported_speakers(self) -> list[str]:
        """Returns the names of the speakers."""
        return self.synthesizer.speakers

    def get_supported_languages(self) -> list[str]:
        """Returns the names of the languages, ``"auto"`` first."""
        return ["auto", *self.synthesizer.languages]

    def extract_speaker_embedding(self, audio: Any, sr: int) -> Any:
        """Returns the speaker embedding (x-vector) of samples at 24 kHz."""
        if sr != self.speaker_encoder_sample_rate:
            raise ValueError(f"sr is {sr}; expected {self.speaker_encoder_sample_rate}")
        return to_tensor(
            self.clone(audios.of_samples(np.asarray(to_numpy(audio)), sr)).speaker_embedding
        )

    def clone(self, recording: Any, transcript: str | None = None) -> Voice:
        """Returns the voice of a recording."""
        return Voice._of(self.synthesizer._cloning_model().clone_voice(recording, transcript))
