"""Qwen3-TTS on a CPU: text to speech, voice cloning, and its codec.

    import qwen3_tts

    tts = qwen3_tts.Synthesizer("Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice")
    tts.speak("Good morning.", speaker="ryan").save("morning.flac")

``qwen3_tts.compat`` has the classes of the package ``qwen_tts``, and ``qwen3_tts.ray`` speaks many texts
on many machines.
"""

from ._native import __version__
from .errors import (
    BusyError,
    CancelledError,
    Error,
    InternalError,
    InvalidModelError,
    InvalidRequestError,
    IoError,
    NotFoundError,
    RecordingWarning,
    UnsupportedError,
)
from .options import SpeakOptions
from .speech import Piece, Speech, Stats
from .stream import AudioChunk, IncrementalText, Progress, SpeechStream
from .synthesizer import Synthesizer
from .voice import Voice

__all__ = [
    "AudioChunk",
    "BusyError",
    "CancelledError",
    "Error",
    "IncrementalText",
    "InternalError",
    "InvalidModelError",
    "InvalidRequestError",
    "IoError",
    "NotFoundError",
    "Piece",
    "Progress",
    "RecordingWarning",
    "SpeakOptions",
    "Speech",
    "SpeechStream",
    "Stats",
    "Synthesizer",
    "UnsupportedError",
    "Voice",
    "__version__",
]
