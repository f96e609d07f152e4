"""Files that are complete or absent."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import BinaryIO, Iterator


@contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """Opens a file to write. It appears under its name at the end of the ``with`` block, and not at all if
    the block raises."""
    part = f"{path}.{secrets.token_hex(6)}.part"
    try:
        file = open(part, "xb")
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    try:
        with file:
            yield file
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
