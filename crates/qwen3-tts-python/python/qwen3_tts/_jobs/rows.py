"""Rows as they are in files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError, NotFoundError
from .request import row_id


@dataclass(frozen=True)
class Row:
    """A row as it was read."""

    id: str
    """Its id."""
    values: Mapping[str, Any]
    """Its fields, not yet checked."""
    error: str | None = None
    """Reason why it has no fields."""


def rows_of(values: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Returns rows of dictionaries, each of which has an ``id``.

    Raises an :class:`InvalidRequestError` for a row without one.
    """
    for number, fields in enumerate(values, 1):
        yield Row(row_id(fields, f"row {number}"), fields)


def json_lines(path: Path) -> Iterator[Row]:
    """Reads a file with one JSON object per line. The id of a line without ``id`` is its number, as
    ``00007``."""
    try:
        file = open(path, encoding="utf-8-sig", newline="\n")
    except FileNotFoundError:
        raise NotFoundError(f"cannot read {path}: not found") from None
    with file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _json_row(line, number, f"{path}: line {number}")


def _json_row(line: str, number: int, place: str) -> Row:
    own = f"{number:05}"
    try:
        values = json.loads(line, object_pairs_hook=_object)
    except (json.JSONDecodeError, InvalidRequestError) as error:
        return Row(own, {}, f"line {number}: {error}")
    if not isinstance(values, dict):
        return Row(own, {}, f"line {number}: expected a JSON object, found {values!r:.40}")
    if values.get("id") is None:
        return Row(own, values)
    return Row(row_id(values, place), values)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequestError(f"the field `{twice}` is there twice")
    return values
