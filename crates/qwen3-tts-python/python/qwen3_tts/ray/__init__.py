"""Speaks many texts on many machines, with Ray::

    from qwen3_tts.ray import Model, speak_book, speak_rows

    speak_rows("texts.jsonl", "audio", model=Model("Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice", quantize=8))
    speak_book(["1.txt", "2.txt"], "book", audio=Audio("opus"), defaults={"speaker": "ryan"})

A job that was stopped, or whose rows have changed, is simply run again: results that are still true are
kept. The same is a command: ``python -m qwen3_tts.ray --help``.
"""

from __future__ import annotations

try:
    import ray as _ray
    import ray.data as _ray_data
except ImportError as error:
    raise ImportError(
        f'qwen3_tts.ray needs Ray: pip install "qwen3-tts[ray]" ({error})', name=error.name
    ) from error

from .._jobs.settings import Audio, Model
from .books import speak_book
from .pool import Pool
from .report import JobReport
from .rows import speak_rows

del _ray, _ray_data

__all__ = ["Audio", "JobReport", "Model", "Pool", "speak_book", "speak_rows"]
