"""A row of a job: its fields, checked, with the defaults of the job."""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import InvalidRequestError

Fields = dict[str, Any]
"""Fields of a row by name, without those that are null."""

_MAX_SEED = 2**64 - 1


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else None


def _flag(value: Any) -> Any:
    return value if isinstance(value, bool) else None


def _whole(value: Any) -> Any:
    # A column of integers with gaps has floats in pandas.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value <= _MAX_SEED else None


def _number(value: Any) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


_Kind = tuple[str, Callable[[Any], Any]]
_TEXT: _Kind = ("a text", _text)
_FLAG: _Kind = ("true or false", _flag)
_WHOLE: _Kind = ("a whole number from 0 to 2**64 - 1", _whole)
_NUMBER: _Kind = ("a number", _number)

_OPTIONS: dict[str, _Kind] = {
    "speaker": _TEXT,
    "language": _TEXT,
    "instruct": _TEXT,
    "markup": _FLAG,
    "max_frames": _WHOLE,
    "greedy": _FLAG,
    "do_sample": _FLAG,
    "subtalker_do_sample": _FLAG,
    "temperature": _NUMBER,
    "top_k": _WHOLE,
    "top_p": _NUMBER,
    "repetition_penalty": _NUMBER,
    "subtalker_temperature": _NUMBER,
    "subtalker_top_k": _WHOLE,
    "subtalker_top_p": _NUMBER,
    "long_text": _FLAG,
    "piece_tokens": _WHOLE,
    "each_sentence": _FLAG,
    "retries": _WHOLE,
    "clause_pause": _NUMBER,
    "sentence_pause": _NUMBER,
    "paragraph_pause": _NUMBER,
}
"""Fields that are options of :class:`qwen3_tts.SpeakOptions` under the same name."""

_VOICE: dict[str, _Kind] = {
    "voice": _TEXT,
    "ref_audio": _TEXT,
    "ref_text": _TEXT,
    "x_vector_only": _FLAG,
}
_OTHERS: dict[str, _Kind] = {
    "text": _TEXT,
    "file": _TEXT,
    "format": _TEXT,
    "seed": _WHOLE,
    "streaming_text": _FLAG,
}
FIELDS: dict[str, _Kind] = {**_OTHERS, **_VOICE, **_OPTIONS}
"""All fields of a row but ``id``."""

FILES = ("voice", "ref_audio")
"""Fields that name files."""

_SPEAKERS = ("speaker", "voice", "ref_audio")
_RANDOM = (
    "temperature",
    "top_k",
    "top_p",
    "subtalker_temperature",
    "subtalker_top_k",
    "subtalker_top_p",
)
_ROW_ONLY = ("text", "file", "seed")


@dataclass(frozen=True)
class Request:
    """A row that can be spoken, as it travels to the process that speaks it."""

    id: str
    """Id of the row."""
    file: str
    """Path of the audio file below the output directory."""
    seed: int
    """Seed, given or derived."""
    fields: Fields
    """Fields with the defaults of the job."""
    inputs: dict[str, str]
    """Digests of the files that the row names."""
    identity: str
    """Digest of all that the audio file depends on."""

    def to_json(self) -> str:
        """Returns the row as JSON."""
        return json.dumps(asdict(self), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Reads what :meth:`to_json` wrote."""
        return cls(**json.loads(text))

    def options(self) -> dict[str, Any]:
        """Returns the options of the speech, but for a cloned voice."""
        options = {name: value for name, value in self.fields.items() if name in _OPTIONS}
        options["seed"] = self.seed
        if "streaming_text" in self.fields:
            options["non_streaming_mode"] = not self.fields["streaming_text"]
        return options


def row_id(values: Mapping[str, Any], place: str) -> str:
    """Returns the id of a row. Raises an :class:`InvalidRequestError` if it has none."""
    value = plain(values.get("id"))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value:
        return value
    shown = "found none" if value is None else f"found {value!r}"
    raise InvalidRequestError(
        f"{place}: expected an `id`, a text or a whole number that no other row has; {shown}"
    )


def checked_fields(values: Mapping[str, Any]) -> Fields:
    """Returns the fields of a row, without those that are null.

    Raises an :class:`InvalidRequestError` for a field that does not exist or has the wrong type.
    """
    fields = {}
    for name, value in values.items():
        if name == "id":
            continue
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(FIELDS)}"
            raise InvalidRequestError(f"there is no field `{name}`; {hint}")
        value = plain(value)
        if value is None:
            continue
        expected, read = FIELDS[name]
        fields[name] = read(value)
        if fields[name] is None:
            raise InvalidRequestError(f"`{name}`: expected {expected}, found {value!r}")
    return fields


def checked_defaults(defaults: Mapping[str, Any] | None) -> Fields:
    """Returns the fields of rows that do not have them."""
    for name in _ROW_ONLY:
        if defaults and defaults.get(name) is not None:
            raise InvalidRequestError(f"`{name}` belongs to a row and has no default for all rows")
    return with_paths(checked_fields(defaults or {}))


def merged(defaults: Fields, fields: Fields) -> Fields:
    """Returns the fields of a row with the defaults of the job. A row that names a speaker or a voice
    takes nothing of the default voice.

    Raises an :class:`InvalidRequestError` if fields exclude one another.
    """
    if any(name in fields for name in _SPEAKERS):
        others = ("speaker", *_VOICE)
        defaults = {name: value for name, value in defaults.items() if name not in others}
    whole = {**defaults, **fields}
    if not whole.get("text"):
        raise InvalidRequestError("there is no `text` to speak")
    if sum(name in whole for name in _SPEAKERS) > 1:
        raise InvalidRequestError("expected at most one of `speaker`, `voice` and `ref_audio`")
    if "ref_text" in whole and "ref_audio" not in whole:
        raise InvalidRequestError(
            "`ref_text` is the transcript of a recording: add `ref_audio`, or leave it out"
        )
    if whole.get("x_vector_only") and not ("voice" in whole or "ref_audio" in whole):
        raise InvalidRequestError("`x_vector_only` needs a cloned voice: add `ref_audio` or `voice`")
    if whole.get("x_vector_only") and "ref_text" in whole:
        raise InvalidRequestError("`x_vector_only` cannot be used with `ref_text`")
    if whole.get("greedy") and any(name in whole for name in _RANDOM):
        raise InvalidRequestError("`greedy` cannot be used with a temperature, top_k or top_p")
    return whole


def with_paths(fields: Fields) -> Fields:
    """Returns fields with whole paths: other processes have another working directory."""
    paths = [name for name in FILES if name in fields]
    return {**fields, **{name: os.path.abspath(fields[name]) for name in paths}}


def plain(value: Any) -> Any:
    """Returns a value of NumPy as one of Python, and None for NaN, by which tables mark a gap."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value
