"""Names of the files that a job writes: below its directory, and each written once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from ..errors import InvalidRequestError

STATE = ".qwen3-tts-job"
"""Folder with the results that are not in a manifest yet."""
MANIFEST = "manifest.jsonl"
"""Name of the manifest."""

_MAX_NAME = 255
"""Maximum length in bytes of a name in the usual file systems."""
_OWN = re.compile(r"manifest.*\.jsonl|\.qwen3-tts-.*", re.IGNORECASE)
_PLACE = "expected the name of a file in the output directory or a folder in it"


class Names:
    """The names that rows have taken, in lower case: many file systems ignore the case."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: set[str] = set()

    def take(self, name: str, row_id: str) -> None:
        """Takes the name of a row's file.

        Raises an :class:`InvalidRequestError` if it is not the name of a file below the directory, or if
        another row writes the same file.
        """

        def refuse(reason: str) -> InvalidRequestError:
            shown = name if len(name) <= 80 else f"{name[:80]}…"
            return InvalidRequestError(f"`file` is {shown!r}{reason}")

        parts = _parts(name, refuse)
        paths = [folded("/".join(parts[: n + 1])) for n in range(len(parts))]
        *folders, file = paths
        if file in self._files:
            raise refuse(f", which row {self._files[file]!r} writes too")
        for folder in folders:
            if folder in self._files:
                raise refuse(f", but row {self._files[folder]!r} writes a file of its folder's name")
        if file in self._folders:
            raise refuse(", which is a folder of another row")
        self._files[file] = row_id
        self._folders.update(folders)

    def has(self, name: str) -> bool:
        """Returns true if a row has taken the name."""
        return folded(name) in self._files


def folded(name: str) -> str:
    """Returns a name in the form that file systems without case compare."""
    return unicodedata.normalize("NFC", name).lower()


def _parts(name: str, refuse: Callable[[str], Exception]) -> list[str]:
    if "\0" in name:
        raise refuse(", with a NUL character")
    if "\\" in name:
        raise refuse(", with a backslash; write / after the name of a folder")
    if not name or name.endswith("/"):
        raise refuse("; expected the name of a file")
    parts = name.split("/")
    if parts[0] == "" or ".." in parts:
        raise refuse(f"; {_PLACE}")
    parts = [part for part in parts if part not in ("", ".")]
    if not parts:
        raise refuse(f"; {_PLACE}")
    try:
        lengths = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        raise refuse(", which is not Unicode") from None
    if max(lengths) > _MAX_NAME:
        raise refuse("; a name has at most 255 bytes")
    if _OWN.fullmatch(parts[0]) or _OWN.fullmatch(parts[-1]):
        raise refuse(", a name that the job needs for its own files")
    return parts
