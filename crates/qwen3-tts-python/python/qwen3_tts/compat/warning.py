"""Warnings about arguments that have no effect."""

from __future__ import annotations

import sys
import warnings

_PACKAGE = __name__.partition(".")[0]


class CompatWarning(UserWarning):
    """An argument of the official package has no effect here."""


def warn(message: str, category: type[Warning] = CompatWarning) -> None:
    """Warns at the line that called this package."""
    level = 2
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith(f"{_PACKAGE}."):
        frame = frame.f_back  # type: ignore[assignment]
        level += 1
    warnings.warn(message, category, stacklevel=level)
