"""The settings of a job, which all of its rows share."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from .. import _native
from ..audio_file import settings
from ..errors import InvalidRequestError
from ..synthesizer import Synthesizer
from .identity import model_identity

DEFAULT_TOGETHER = 8
"""Number of texts that an actor speaks at the same time, unless told otherwise."""


@dataclass(frozen=True)
class Model:
    """How each process loads the model. The fields are those of :class:`qwen3_tts.Synthesizer`."""

    name: str | None = None
    """A directory that every machine has, or a name on the Hugging Face hub; None is the built-in voice."""
    device: str = "cpu"
    """Device that computes."""
    quantize: int | str | None = None
    """Bits of the weights, or bits by part."""
    float32_cache: bool = False
    """True to keep keys and values in float32."""

    def load(self, threads: int | None, together: int) -> Synthesizer:
        """Loads the model, which computes on ``threads`` threads and speaks ``together`` texts at a
        time."""
        return Synthesizer(
            self.name,
            self.device,
            threads,
            self.quantize,
            float32_cache=self.float32_cache,
            max_active=together,
        )

    def absolute(self) -> Model:
        """Returns the model with the whole path of its directory: other processes have another working
        directory."""
        if self.name is None or not os.path.isdir(self.name):
            return self
        return replace(self, name=os.path.abspath(self.name))

    def identity(self) -> dict[str, Any]:
        """Returns what the audio depends on."""
        quantize = None if self.quantize is None else str(self.quantize)
        return {
            "model": model_identity(self.name),
            "device": self.device,
            "quantize": quantize,
            "float32_cache": self.float32_cache,
            "version": _native.__version__,
        }


@dataclass(frozen=True)
class Audio:
    """How audio files are written. The fields are those of :meth:`qwen3_tts.Speech.save`."""

    format: str | None = None
    """Format of files that the rows do not name. Default: ``"wav"``."""
    sample_format: str | None = None
    """``"s16"``, ``"s24"`` or ``"f32"``."""
    sample_rate: int | None = None
    """Sample rate in Hz."""
    bitrate: int | None = None
    """Bit rate in kbit/s."""

    def ending(self) -> str:
        """Returns the ending of files that the rows do not name."""
        return self.format or "wav"

    def settings(self, title: str | None = None) -> dict[str, Any]:
        """Returns the settings of a file whose name tells its format."""
        return settings(None, self.sample_format, self.sample_rate, self.bitrate, title)

    def identity(self) -> dict[str, Any]:
        """Returns what the bytes of a file depend on, besides its samples and its name."""
        return {name: value for name, value in asdict(self).items() if name != "format"}

    def check(self, file: str) -> None:
        """Checks that a file of this name can be written. Raises an :class:`InvalidRequestError` if
        not."""
        name = file.rsplit("/", 1)[-1]
        if "." not in name.lstrip("."):
            expected = ", ".join(f".{name}" for name in _native.formats())
            raise InvalidRequestError(f"`file` is {file!r}; expected a name that ends with {expected}")
        _native.AudioFile(24_000, file, self.settings()).push(np.zeros(0, np.float32))
