"""Properties of a loaded model."""

from __future__ import annotations

from typing import Any, TypedDict


class _Facts(TypedDict):
    sample_rate: int
    device: str
    threads: int
    weight_types: str | None
    load_seconds: float
    codebooks: int
    encode_downsample_rate: int
    decode_upsample_rate: int
    input_sample_rate: int


class Facts(_Facts, total=False):
    """Properties of a loaded model; the last ones are absent for a speech tokenizer alone."""

    model_type: str
    model_size: str
    speakers: list[str]
    languages: list[str]
    generation: dict[str, Any]
