"""Prompts: the voices of recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..voice import Voice
from .tensors import to_numpy


@dataclass
class VoiceClonePromptItem:
    """The voice of a recording.

    Its parts are tensors if the program uses torch, else arrays; both are accepted.
    """

    ref_code: Any
    """Codes of the recording (frames, codebooks); None if the voice is its speaker embedding only."""
    ref_spk_embedding: Any
    """Speaker embedding (x-vector)."""
    x_vector_only_mode: bool
    """True for a voice that is its speaker embedding only."""
    icl_mode: bool
    """True for a voice that continues its recording."""
    ref_text: str | None = None
    """Transcript of the recording."""


_KEYS = ("ref_code", "ref_spk_embedding", "x_vector_only_mode", "icl_mode")


def items_of(prompt: Any, count: int) -> list[VoiceClonePromptItem]:
    """Returns the item of each of ``count`` texts.

    ``prompt`` is an item, a list of items, or a dict with a list for each field but ``ref_text``. One
    item is that of all texts.
    """
    if isinstance(prompt, VoiceClonePromptItem):
        prompt = [prompt]
    if isinstance(prompt, list):
        items = prompt * count if len(prompt) == 1 else prompt
        if len(items) != count:
            raise ValueError(f"Batch size mismatch: prompt={len(items)}, text={count}")
        return items
    if isinstance(prompt, Mapping):
        return _items_of_lists(prompt, count)
    raise TypeError(
        "voice_clone_prompt: expected a VoiceClonePromptItem, a list of them, or a dict of lists, not "
        f"{type(prompt).__name__}"
    )


def _items_of_lists(prompt: Mapping[str, Any], count: int) -> list[VoiceClonePromptItem]:
    missing = [key for key in _KEYS if key not in prompt]
    if missing:
        raise KeyError(f"voice_clone_prompt: {', '.join(missing)} is missing")
    lists = {key: prompt[key] for key in _KEYS if prompt[key] is not None}
    for key, values in lists.items():
        if len(values) < count:
            raise ValueError(
                f"Batch size mismatch: voice_clone_prompt[{key!r}]={len(values)}, text={count}"
            )

    def value(key: str, index: int) -> Any:
        return lists[key][index] if key in lists else None

    items = [VoiceClonePromptItem(*(value(key, index) for key in _KEYS)) for index in range(count)]
    for item in items:
        if "ref_code" not in lists:
            # As in the official package, the speaker embedding alone is left.
            item.x_vector_only_mode, item.icl_mode = True, False
        elif item.icl_mode:
            raise ValueError(
                "voice_clone_prompt: a dict has no transcripts, which icl_mode needs: pass a list of "
                "VoiceClonePromptItem with their ref_text, or set x_vector_only_mode"
            )
    return items


def voice_of(item: VoiceClonePromptItem, model_size: str) -> Voice:
    """Returns the voice of an item, for a model of the size."""
    if not isinstance(item, VoiceClonePromptItem) and not hasattr(item, "ref_spk_embedding"):
        raise TypeError(
            f"voice_clone_prompt: expected VoiceClonePromptItem, not {type(item).__name__}"
        )
    if item.ref_spk_embedding is None:
        raise ValueError("voice_clone_prompt: ref_spk_embedding is None; every voice needs it")
    embedding = to_numpy(item.ref_spk_embedding).reshape(-1)
    if not item.icl_mode:
        if not item.x_vector_only_mode:
            raise ValueError(
                "voice_clone_prompt: x_vector_only_mode and icl_mode are both False, which leaves no "
                "voice: set one of them"
            )
        return Voice(embedding, model_size=model_size)
    if item.ref_code is None:
        raise ValueError("voice_clone_prompt: icl_mode needs ref_code, which is None")
    if not item.ref_text:
        raise ValueError("voice_clone_prompt: icl_mode needs ref_text, the words of the recording")
    codes = to_numpy(item.ref_code)
    return Voice(embedding, codes=codes, transcript=item.ref_text, model_size=model_size)
