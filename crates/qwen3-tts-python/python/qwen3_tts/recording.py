"""Recordings as users have them."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import _native
from .errors import RecordingWarning

if TYPE_CHECKING:
    from numpy.typing import NDArray

Recording = Union[str, "os.PathLike[str]", bytes, "NDArray[Any]", "tuple[NDArray[Any], int]"]
"""A recording: the path of a file, the bytes of a file, samples, or samples with their rate in Hz. Samples
are mono, or samples × channels."""


def read(
    recording: Recording,
    sample_rate: int | None,
    *,
    max_seconds: float,
    for_cloning: bool,
) -> _native.Recording:
    """Reads a recording, and warns of its defects."""
    if isinstance(recording, tuple):
        if len(recording) != 2 or sample_rate is not None:
            raise TypeError("a recording in a tuple is (samples, sample_rate)")
        recording, sample_rate = recording
    if isinstance(recording, (str, os.PathLike)):
        source: Any = os.fspath(recording)
    elif isinstance(recording, (bytes, bytearray, memoryview)):
        source = bytes(recording)
    else:
        source = _mono(recording)
        if sample_rate is None:
            raise TypeError("samples need their rate: sample_rate=24000, or (samples, 24000)")
    native = _native.Recording(source, int(sample_rate or 0), max_seconds, for_cloning)
    for warning in native.warnings:
        warnings.warn(warning, RecordingWarning, stacklevel=3)
    return native


def _mono(samples: Any) -> NDArray[np.float32]:
    """Returns samples as mono float32, integers by :func:`scaled`."""
    array = np.asarray(samples)
    if array.dtype.kind not in "fiu" or array.ndim not in (1, 2):
        raise TypeError(
            "expected a path, bytes, or an array of samples (mono, or samples × channels), not "
            f"{type(samples).__name__} of {array.dtype}, shape {array.shape}"
        )
    array = scaled(array)
    if array.ndim == 2:
        array = array.mean(axis=1)
    return np.ascontiguousarray(array, dtype=np.float32)


def scaled(samples: NDArray[Any]) -> NDArray[Any]:
    """Scales integers by the range of their type to [-1, 1]. Other samples stay as they are."""
    if samples.dtype.kind not in "iu":
        return samples
    limits = np.iinfo(samples.dtype)
    half = (float(limits.max) - float(limits.min) + 1) / 2
    middle = 0.0 if samples.dtype.kind == "i" else half
    return (samples.astype(np.float64) - middle) / half
