"""The outcome of a job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class JobReport:
    """The outcome of a job. Its manifest has that of each row."""

    manifest: Path
    """The manifest."""
    rows: int
    """Number of rows, or chapters of a book."""
    spoken: int
    """Number of rows that were spoken."""
    kept: int
    """Number of rows with an earlier result, which was kept."""
    failed: int
    """Number of rows that failed."""
    cut: int
    """Number of rows that were spoken and cut off at their limit."""
    audio_seconds: float
    """Length of all speech that was made."""
    seconds: float
    """Time that it took."""

    def __str__(self) -> str:
        parts = [f"{self.manifest.parent}: {self.spoken} of {self.rows} spoken"]
        parts += [f"{self.kept} kept"] if self.kept else []
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.cut} cut off"] if self.cut else []
        speed = self.audio_seconds / max(self.seconds, 1e-3)
        parts += [f"{self.audio_seconds:.1f} s of speech in {self.seconds:.1f} s, {speed:.2f}× real time"]
        return ", ".join(parts)
