"""Recordings as the official package takes them."""

from __future__ import annotations

import base64
import errno
import os
import urllib.request
from typing import Any
from urllib.parse import urlparse

import numpy as np
from numpy.typing import NDArray

from .. import _native
from ..errors import RecordingWarning
from ..recording import scaled
from .warning import warn

_LONGEST_NAME = 256
"""Length in characters from which a text without a slash is base64 rather than the name of a file."""


def read(text: str | os.PathLike[str]) -> _native.Recording:
    """Reads a recording: a path, the URL of a file, or a file as base64, also in a data URL."""
    if isinstance(text, os.PathLike):
        return _of_file(os.fspath(text))
    if _is_url(text):
        with urllib.request.urlopen(text) as response:
            return _recording(response.read(), 0)
    if _is_base64(text):
        _, comma, payload = text.partition(",")
        is_data_url = comma and text.strip().startswith("data:")
        return _recording(base64.b64decode(payload if is_data_url else text), 0)
    return _of_file(text)


def of_samples(samples: NDArray[Any], sample_rate: Any) -> _native.Recording:
    """Takes samples, or samples × channels. Integers are scaled by the range of their type."""
    array = scaled(samples).astype(np.float32)
    if array.ndim > 1:
        array = array.mean(axis=-1, dtype=np.float32)
    if array.ndim != 1:
        raise ValueError(
            f"expected samples, or samples × channels, not an array of shape {samples.shape}"
        )
    return _recording(np.ascontiguousarray(array), int(sample_rate))


def of_audios(audios: list[Any]) -> list[_native.Recording]:
    """Reads reference recordings: texts as for :func:`read`, and tuples of samples and their rate."""
    recordings = []
    for audio in audios:
        if isinstance(audio, (str, os.PathLike)):
            recordings.append(read(audio))
        elif isinstance(audio, tuple) and len(audio) == 2 and isinstance(audio[0], np.ndarray):
            recordings.append(of_samples(*audio))
        elif isinstance(audio, np.ndarray):
            raise ValueError("samples need their rate: pass the tuple (samples, sample_rate)")
        else:
            raise TypeError(
                "expected a path, a URL, base64 or a tuple (samples, sample_rate) as the reference "
                f"recording, not {type(audio).__name__}"
            )
    return recordings


def _of_file(path: str) -> _native.Recording:
    if not os.path.exists(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return _recording(path, 0)


def _recording(source: Any, sample_rate: int) -> _native.Recording:
    # Neither length nor loudness is limited.
    recording = _native.Recording(source, sample_rate, float("inf"), False)
    for warning in recording.warnings:
        warn(warning, RecordingWarning)
    return recording


def _is_url(text: str) -> bool:
    try:
        parts = urlparse(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _is_base64(text: str) -> bool:
    if text.startswith("data:audio"):
        return True
    return "/" not in text and "\\" not in text and len(text) > _LONGEST_NAME
