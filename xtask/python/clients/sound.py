"""Sounds as 16-bit samples, and what can be said of them without hearing them."""

import array
import io
import shutil
import subprocess
import wave

RATE = 24000

# Content types of the service, and the first bytes of such a file.
TYPES = {
    "mp3": ("audio/mpeg", (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    "aac": ("audio/aac", (b"ID3", b"\xff\xf1")),
    "opus": ("audio/ogg", (b"OggS",)),
    "flac": ("audio/flac", (b"fLaC",)),
    "wav": ("audio/wav", (b"RIFF",)),
    "pcm": ("audio/pcm", (b"",)),
}


def samples(data: bytes) -> array.array:
    """Returns little-endian 16-bit samples as numbers."""
    values = array.array("h")
    values.frombytes(data)
    return values


def read_wav(data: bytes) -> array.array:
    """Returns the samples of a WAV file, which may have been streamed: its sizes are then open."""
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return samples(file.readframes(file.getnframes()))


def decode(data: bytes, form: str) -> array.array | None:
    """Returns the samples of a sound at 24 kHz, or None where ffmpeg is missing."""
    if form == "pcm":
        return samples(data)
    if form == "wav":
        return read_wav(data)
    if not shutil.which("ffmpeg"):
        return None
    command = ["ffmpeg", "-v", "error", "-xerror", "-i", "pipe:0", "-f", "s16le", "-ac", "1"]
    output = subprocess.run(
        [*command, "-ar", str(RATE), "pipe:1"], input=data, capture_output=True, check=False
    )
    assert output.returncode == 0, output.stderr.decode()
    return samples(output.stdout)


def assert_speech(values: array.array, least: float = 0.3, most: float = 8.0) -> None:
    """Checks that a sound lasts as long as a short text, and is neither silent nor clipped."""
    seconds = len(values) / RATE
    assert least <= seconds <= most, f"{seconds} s"
    loudness = (sum(value * value for value in values) / len(values)) ** 0.5
    assert 100 < loudness < 20000, f"root mean square {loudness}"


def assert_sound(data: bytes, form: str, content_type: str | None = None) -> None:
    """Checks content type, first bytes and, where it can be decoded, the sound."""
    expected, beginnings = TYPES[form]
    if content_type is not None:
        assert content_type.split(";")[0] == expected
    assert data.startswith(beginnings), data[:8]
    values = decode(data, form)
    if values is not None:
        assert_speech(values)
