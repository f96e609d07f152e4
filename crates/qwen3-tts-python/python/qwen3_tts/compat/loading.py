"""Arguments of ``from_pretrained``."""

from __future__ import annotations

import os
from typing import Any

from ..synthesizer import Synthesizer
from .warning import warn

OWN = frozenset(("device", "threads", "quantize", "float32_cache", "max_active"))
"""Arguments of :class:`qwen3_tts.Synthesizer`, which have effect."""

_HUB = frozenset(
    (
        "cache_dir",
        "force_download",
        "local_files_only",
        "proxies",
        "resume_download",
        "token",
        "use_auth_token",
    )
)
_TRANSFORMERS = frozenset(
    (
        "attn_implementation",
        "config",
        "device_map",
        "dtype",
        "ignore_mismatched_sizes",
        "key_mapping",
        "load_in_4bit",
        "load_in_8bit",
        "low_cpu_mem_usage",
        "max_memory",
        "offload_buffers",
        "offload_folder",
        "offload_state_dict",
        "quantization_config",
        "torch_dtype",
        "tp_plan",
        "tp_size",
        "trust_remote_code",
        "use_flash_attention_2",
        "use_safetensors",
        "weights_only",
    )
)


def load(
    name: str | os.PathLike[str], arguments: dict[str, Any], *, talker: bool = True
) -> Synthesizer:
    """Loads a directory or a model of the hub with the arguments of ``from_pretrained``."""
    arguments = dict(arguments)
    name = os.fspath(name)
    is_directory = os.path.isdir(name)
    revision = arguments.pop("revision", None)
    if not is_directory and revision is not None:
        name = f"{name}@{revision}"
    own = {key: arguments.pop(key) for key in OWN & arguments.keys()}
    unknown = sorted(arguments.keys() - _HUB - _TRANSFORMERS)
    if unknown:
        raise TypeError(
            f"from_pretrained() got an unexpected keyword argument {unknown[0]!r}; its own are "
            f"{', '.join(sorted(OWN))} and revision"
        )
    # The hub's arguments have no effect on a directory with transformers either.
    ignored = {
        key: value
        for key, value in arguments.items()
        if not (key in _HUB and is_directory) and not _asks_for_nothing(key, value)
    }
    if ignored:
        warn(_message(ignored))
    # The official package refuses no request for being one too many.
    settings = {key: value for key, value in own.items() if value is not None}
    return Synthesizer(name, talker=talker, max_waiting=2**31, **settings)


def _asks_for_nothing(key: str, value: Any) -> bool:
    if key == "device_map":
        places = value.values() if isinstance(value, dict) else [value]
        return all(place is None or str(place) == "cpu" for place in places)
    return value is None or value is False


def _message(ignored: dict[str, Any]) -> str:
    hints = []
    if _TRANSFORMERS & ignored.keys():
        hints.append("the model runs on the CPU, with the weights' data type or quantize=")
    if _HUB & ignored.keys():
        hints.append("the hub is configured by HF_HUB_CACHE, HF_TOKEN and HF_HUB_OFFLINE")
    # The value of a token is a secret.
    return f"ignored: {', '.join(sorted(ignored))} ({'; '.join(hints)})"
