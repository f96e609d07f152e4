"""Arguments of the generation: sampling, length and seeds."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from .tensors import torch
from .warning import warn

HARD_DEFAULTS: dict[str, Any] = {
    "do_sample": True,
    "top_k": 50,
    "top_p": 1.0,
    "temperature": 0.9,
    "repetition_penalty": 1.05,
    "subtalker_dosample": True,
    "subtalker_top_k": 50,
    "subtalker_top_p": 1.0,
    "subtalker_temperature": 0.9,
    "max_new_tokens": 2048,
}
"""Settings for checkpoints that publish none."""

_INPUTS = frozenset(
    ("input_ids", "instruct_ids", "ref_ids", "languages", "speakers", "voice_clone_prompt")
)
_LEAST_TOP_P = 1e-9


def merge(defaults: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings: for each the argument, else that of the checkpoint, else the hard default.

    Raises a ``TypeError`` for arguments that would change the request itself. Warns of the others that
    are no settings: the official package accepts and ignores them.
    """
    extra = [name for name in arguments if name not in HARD_DEFAULTS]
    for name in extra:
        if name in _INPUTS:
            raise TypeError(f"{name} is computed from the other arguments and cannot be given")
        if name == "eos_token_id" and arguments[name] is not None:
            raise TypeError("eos_token_id is that of the checkpoint and cannot be changed")
    extra = [name for name in extra if arguments[name] is not None]
    if extra:
        warn(f"without effect, here as in qwen_tts: {', '.join(map(_with_hint, extra))}")
    published = {**HARD_DEFAULTS, **defaults}
    given = {name: arguments.get(name) for name in HARD_DEFAULTS}
    return {name: published[name] if given[name] is None else given[name] for name in given}


def _with_hint(name: str) -> str:
    near = difflib.get_close_matches(name, [*HARD_DEFAULTS, "seed"], n=1, cutoff=0.8)
    return f"{name} (did you mean {near[0]}?)" if near else name


def speak_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns settings as options of :meth:`qwen3_tts.Synthesizer.speak`."""
    max_new_tokens = operator.index(settings["max_new_tokens"])
    if max_new_tokens < 2:
        raise ValueError(
            f"max_new_tokens is {max_new_tokens}; expected at least 2, since the last token gives no "
            "audio"
        )
    options: dict[str, Any] = {
        "max_frames": max_new_tokens - 1,
        "repetition_penalty": settings["repetition_penalty"],
        "do_sample": bool(settings["do_sample"]),
        "subtalker_do_sample": bool(settings["subtalker_dosample"]),
    }
    # A setting of a part that does not sample is not even checked.
    if options["do_sample"]:
        options.update(_candidates(settings, ""))
    if options["subtalker_do_sample"]:
        options.update(_candidates(settings, "subtalker_"))
    return options


def _candidates(settings: Mapping[str, Any], part: str) -> dict[str, Any]:
    names = [f"{part}{name}" for name in ("temperature", "top_k", "top_p")]
    temperature, top_k, top_p = (settings[name] for name in names)
    if not temperature > 0:
        raise ValueError(
            f"{names[0]} is {temperature}; expected more than 0: for the most likely codes, set "
            f"{'subtalker_dosample' if part else 'do_sample'}=False"
        )
    try:
        top_k = operator.index(top_k)
    except TypeError:
        top_k = -1
    if top_k < 0:
        raise ValueError(f"{names[1]} is {settings[names[1]]}; expected an integer, not negative")
    if top_p < 0:
        raise ValueError(f"{names[2]} is {top_p}; expected 0 to 1")
    # 0 keeps the most likely code, and all above 1 keeps all.
    top_p = min(max(top_p, _LEAST_TOP_P), 1.0)
    return {names[0]: temperature, names[1]: top_k, names[2]: top_p}


def seeds(seed: Any, count: int, settings: Mapping[str, Any]) -> list[int]:
    """Returns a seed for each of ``count`` texts.

    ``seed`` is a list of them, or the first one, which is counted up. Without it they are drawn: from
    torch's generator if the program uses torch, so that ``torch.manual_seed`` makes a run repeatable,
    else from NumPy's, for ``numpy.random.seed``. Nothing is drawn if nothing is sampled.
    """
    if seed is None:
        return (
            _draw(count) if settings["do_sample"] or settings["subtalker_dosample"] else [0] * count
        )
    if isinstance(seed, (list, tuple, np.ndarray)):
        if len(seed) != count:
            raise ValueError(f"Batch size mismatch: text={count}, seed={len(seed)}")
        return [_checked(one) for one in seed]
    first = _checked(seed)
    return [(first + index) % 2**64 for index in range(count)]


def _checked(seed: Any) -> int:
    number = operator.index(seed)
    if not 0 <= number < 2**64:
        raise ValueError(f"seed is {number}; expected 0 to 2**64 - 1")
    return number


def _draw(count: int) -> list[int]:
    module = torch()
    if module is not None:
        drawn: list[int] = module.randint(0, 2**63 - 1, (count,)).tolist()
        return drawn
    return [int(one) for one in np.random.randint(0, 2**63 - 1, count, dtype=np.int64)]
