"""Writes fixtures/audio: one second of a known signal, in formats that the tests cannot write themselves.

    python3 xtask/python/make_audio.py fixtures/audio

needs ffmpeg with libmp3lame, libvorbis, libopus and libspeex (5.1 was used). The signal is
`sin(2 pi (200 t + 900 t^2)) / 2`, which rises from 200 to 2000 Hz: no part of it is like another, so that tests see how
late it is. Encoders are lossy: tests compare with the formula, within a bound.

`he_aac.m4a` is not made here: HE-AAC needs an encoder that is not free. It is one second of speech, as a phone records.
"""

import math
import struct
import subprocess
import sys
import wave
from pathlib import Path

RATE = 24_000


def sweep(path: Path, channels: int = 1, rate: int = RATE) -> None:
    """Writes the signal, at half of its level in each further channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        for i in range(rate):
            t = i / rate
            sample = math.sin(2 * math.pi * (200 * t + 900 * t * t)) / 2
            levels = [sample / 2**channel for channel in range(channels)]
            file.writeframes(struct.pack(f"<{channels}h", *(round(32767 * level) for level in levels)))


def ffmpeg(out: Path, source: Path, *options: str) -> None:
    """Encodes a file. Nothing in it depends on the day or on the version of the program."""
    exact = ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"]
    subprocess.run(["ffmpeg", "-y", "-v", "error", "-i", source, *exact, *options, out], check=True)


def pipe(out: Path, source: Path, *options: str) -> None:
    """Encodes into a pipe, so that no size is known when the header is written."""
    command = ["ffmpeg", "-v", "error", "-i", source, "-fflags", "+bitexact", *options, "pipe:1"]
    out.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def join(out: Path, *parts: Path) -> None:
    out.write_bytes(b"".join(part.read_bytes() for part in parts))


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    mono, stereo, fast = (folder / name for name in ("mono.wav", "stereo.wav", "fast.wav"))
    sweep(mono)
    sweep(stereo, channels=2)
    sweep(fast, rate=96_000)

    aac = ["-c:a", "aac", "-b:a", "48k"]
    ffmpeg(folder / "aac.m4a", mono, *aac)
    ffmpeg(folder / "aac_96k.m4a", fast, *aac)
    ffmpeg(folder / "aac_first.m4a", mono, *aac, "-movflags", "+faststart")
    ffmpeg(folder / "aac_pieces.m4a", mono, *aac, "-movflags", "+frag_keyframe+empty_moov", "-frag_duration", "200000")
    ffmpeg(folder / "aac_no_edits.m4a", mono, *aac, "-use_editlist", "0")
    ffmpeg(folder / "aac_surround.m4a", mono, "-c:a", "aac", "-ac", "6", "-b:a", "64k")
    ffmpeg(folder / "aac.aac", mono, *aac)
    ffmpeg(folder / "aac.mka", mono, *aac)
    # Only the part from 0.5 s to 0.8 s is to be heard.
    subprocess.run(
        ["ffmpeg", "-y", "-v", "error", "-ss", "0.5", "-i", folder / "aac.m4a", "-t", "0.3", "-c", "copy"]
        + ["-fflags", "+bitexact", folder / "aac_trimmed.m4a"],
        check=True,
    )
    ffmpeg(folder / "alac.m4a", mono, "-c:a", "alac")
    ffmpeg(folder / "alac.caf", mono, "-c:a", "alac")
    ffmpeg(folder / "flac.flac", mono, "-c:a", "flac")
    ffmpeg(folder / "flac.oga", mono, "-c:a", "flac")

    mp3 = ["-c:a", "libmp3lame", "-b:a", "48k", "-id3v2_version", "0"]
    ffmpeg(folder / "mp3.mp3", mono, *mp3)
    ffmpeg(folder / "mp3_stereo.mp3", stereo, *mp3)
    ffmpeg(folder / "mp3_no_tag.mp3", mono, "-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0", "-id3v2_version", "0")
    join(folder / "mp3_mono_then_stereo.mp3", folder / "mp3.mp3", folder / "mp3_stereo.mp3")
    ffmpeg(folder / "mp2.mp2", mono, "-c:a", "mp2", "-b:a", "64k")

    opus = ["-c:a", "libopus", "-b:a", "48k"]
    ffmpeg(folder / "opus.opus", mono, *opus)
    ffmpeg(folder / "opus_speech.opus", mono, "-c:a", "libopus", "-b:a", "12k", "-application", "voip")
    ffmpeg(folder / "opus_60ms.opus", mono, *opus, "-frame_duration", "60")
    ffmpeg(folder / "opus_stereo.opus", stereo, *opus, "-serial_offset", "7")
    join(folder / "opus_mono_then_stereo.opus", folder / "opus.opus", folder / "opus_stereo.opus")
    ffmpeg(folder / "opus_surround.opus", mono, "-c:a", "libopus", "-ac", "6", "-b:a", "96k")
    ffmpeg(folder / "opus.webm", mono, *opus)
    pipe(folder / "opus_live.webm", mono, *opus, "-f", "webm")
    ffmpeg(folder / "opus.mp4", mono, *opus)

    vorbis = ["-c:a", "libvorbis", "-q:a", "3"]
    ffmpeg(folder / "vorbis.ogg", mono, *vorbis)
    ffmpeg(folder / "vorbis_stereo.ogg", stereo, *vorbis, "-serial_offset", "7")
    join(folder / "vorbis_mono_then_stereo.ogg", folder / "vorbis.ogg", folder / "vorbis_stereo.ogg")
    ffmpeg(folder / "vorbis.webm", mono, *vorbis)

    ffmpeg(folder / "adpcm_ima.wav", mono, "-c:a", "adpcm_ima_wav")
    ffmpeg(folder / "adpcm_ms.wav", mono, "-c:a", "adpcm_ms")
    ffmpeg(folder / "adpcm_ima.aifc", mono, "-c:a", "adpcm_ima_qt", "-f", "aiff")
    ffmpeg(folder / "alaw.wav", mono, "-c:a", "pcm_alaw")
    ffmpeg(folder / "mulaw.wav", mono, "-c:a", "pcm_mulaw")
    ffmpeg(folder / "speex.ogg", mono, "-c:a", "libspeex", "-ar", "16000")
    ffmpeg(folder / "ac3.mkv", mono, "-c:a", "ac3", "-ar", "32000", "-b:a", "32k")
    for source in (mono, stereo, fast):
        source.unlink()


if __name__ == "__main__":
    main()
