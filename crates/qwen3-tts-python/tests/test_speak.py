"""Speaking: whole, streamed, incremental, narrated."""

import base64
import io
import os
import re
import subprocess
import sys
import wave
from dataclasses import FrozenInstanceError
from importlib import metadata

import numpy as np
import pytest

import qwen3_tts

TEXT = "Hello there. How are you?"


def test_a_speech_has_all_it_says(hello):
    assert hello.audio.dtype == np.float32 and hello.audio.ndim == 1
    assert hello.sample_rate == 24_000
    assert hello.codes.shape[1] == 16 and hello.codes.dtype == np.int64
    assert len(hello.audio) == hello.n_samples == 1920 * len(hello.codes)
    assert hello.duration == len(hello.audio) / 24_000
    assert hello.stop_reason == "eos" and hello.seed == 1
    assert 0.01 < np.abs(hello.audio).max() <= 1
    [piece] = hello.pieces
    assert TEXT[piece.start : piece.end] == TEXT and piece.frames == len(hello.codes)
    stats = hello.stats
    assert 0 < stats.prefill + stats.talker + stats.code_predictor + stats.codec
    assert stats.real_time_factor == pytest.approx(stats.processing / hello.duration)
    with pytest.raises(FrozenInstanceError):
        hello.seed = 2


def test_the_audio_is_that_of_the_codes(tts, hello):
    np.testing.assert_array_equal(tts.decode(hello.codes), hello.audio)


def test_the_seed_decides(tts, hello):
    again = tts.speak(TEXT, seed=np.int64(1))
    other = tts.speak(TEXT, seed=2)
    drawn = tts.speak(TEXT)
    np.testing.assert_array_equal(again.audio, hello.audio)
    assert not np.array_equal(other.codes, hello.codes)
    np.testing.assert_array_equal(tts.speak(TEXT, seed=drawn.seed).codes, drawn.codes)


def test_a_stream_has_the_same_samples(tts, hello):
    stream = tts.stream(TEXT, seed=1)
    assert stream.seed == 1 and stream.sample_rate == 24_000 and stream.pieces == [(0, len(TEXT))]
    assert stream.result is None
    chunks = list(stream)
    assert chunks[0].n_frames == 1 and chunks[1].n_frames == 2
    np.testing.assert_array_equal(np.concatenate([c.audio for c in chunks]), hello.audio)
    result = stream.result
    assert len(result.audio) == 0 and result.n_samples == hello.n_samples
    np.testing.assert_array_equal(result.codes, hello.codes)
    assert list(stream) == []
    with pytest.raises(ValueError, match="taken in chunks"):
        result.save("nothing.wav")


def test_chunks_have_the_lengths_asked_for(tts):
    lengths = [c.n_frames for c in tts.stream(TEXT, seed=1, first_chunk=3, max_chunk=5)]
    assert lengths[:3] == [3, 5, 5]


def test_collect_takes_the_rest(tts, hello):
    stream = tts.stream(TEXT, seed=1)
    first = next(stream)
    rest = stream.collect()
    np.testing.assert_array_equal(np.concatenate([first.audio, rest.audio]), hello.audio)


def test_a_cancelled_speech_ends_early(tts):
    with tts.stream("A very long text. " * 40, seed=1) as stream:
        next(stream)
    list(stream)
    assert stream.result.stop_reason == "cancelled"
    assert len(stream.result.codes) < 200


def test_text_is_spoken_while_it_is_written(tts):
    text, stream = tts.speak_incremental(seed=5)
    with text:
        for word in TEXT.split(" "):
            text.push(word + " ")
    whole = tts.speak(TEXT + " ", seed=5, non_streaming_mode=False)
    np.testing.assert_array_equal(stream.collect().audio, whole.audio)
    with pytest.raises(qwen3_tts.InvalidRequestError, match="finished"):
        text.push("more")
    text.finish()


def test_long_texts_are_pieces(tts):
    text = "Ein Anfang – ja. \N{GRINNING FACE}\n\nThe second paragraph."
    speech = tts.speak(text, seed=3, paragraph_pause=1.5)
    assert [text[p.start : p.end] for p in speech.pieces] == tts.split_text(text)
    assert tts.split_text(text)[1] == "The second paragraph."
    assert speech.pieces[0].pause_seconds == 1.5
    samples = 1920 * sum(p.frames for p in speech.pieces) + 36_000
    assert speech.n_samples == len(speech.audio) == samples
    alone = tts.speak("The second paragraph.", seed=speech.pieces[1].seed)
    np.testing.assert_array_equal(speech.audio[-len(alone.audio) :], alone.audio)


def test_long_text_can_be_one_piece(tts):
    text = "One.\n\nTwo."
    assert len(tts.speak(text, seed=1, long_text=False).pieces) == 1
    assert len(tts.speak(text, seed=1).pieces) == 2


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "opus", "aac", "pcm"])
def test_a_file_has_the_format_of_its_ending(hello, tmp_path, ending):
    path = tmp_path / f"hello.{ending}"
    hello.save(path, title="Hello")
    assert path.read_bytes() == hello.to_bytes(ending, title="Hello")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_float_wav_is_exact(tts, hello, tmp_path):
    hello.save(tmp_path / "hello.wav", sample_format="f32")
    content = (tmp_path / "hello.wav").read_bytes()
    np.testing.assert_array_equal(np.frombuffer(content[-4 * hello.n_samples :], "<f4"), hello.audio)


def test_a_file_that_cannot_be_written_leaves_nothing(hello, tmp_path):
    path = tmp_path / "none" / "hello.wav"
    with pytest.raises(FileNotFoundError) as found:
        hello.save(path)
    assert found.value.filename == str(path)
    for arguments in [{"format": "xyz"}, {"bitrate": 7, "format": "mp3"}, {"sample_rate": 1}]:
        with pytest.raises(qwen3_tts.InvalidRequestError):
            hello.save(tmp_path / "hello.wav", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_gets_a_player(hello):
    [data] = re.findall(r'^<audio controls src="data:audio/wav;base64,([^"]+)"></audio>$', hello._repr_html_())
    with wave.open(io.BytesIO(base64.b64decode(data))) as file:
        assert file.getnframes() == hello.n_samples and file.getframerate() == 24_000


def test_a_narration_is_the_speech_in_a_file(tts, tmp_path):
    text = "One.\n\nTwo.\n\nThree."
    progress = []
    narrated = tts.narrate(text, tmp_path / "book.wav", seed=1, progress=progress.append)
    spoken = tts.speak(text, seed=1)
    assert (tmp_path / "book.wav").read_bytes() == spoken.to_bytes("wav")
    assert len(narrated.audio) == 0 and narrated.n_samples == spoken.n_samples
    assert progress and progress[-1].ended_pieces == 3
    with pytest.raises(ZeroDivisionError):
        tts.narrate(text, tmp_path / "failed.wav", progress=lambda _: 1 / 0)
    assert [file.name for file in tmp_path.iterdir()] == ["book.wav"]


def test_marks_are_read_on_request(tts):
    speech = tts.speak("One. [pause 2s] Two. [speaker mina]Three.[/speaker]", seed=1, markup=True)
    assert [piece.pause_seconds for piece in speech.pieces][0] == 2
    assert len(speech.pieces) == 3


def test_the_command_makes_the_same_samples(hello, tmp_path):
    command = os.environ.get("QWEN3_TTS_COMMAND")
    if command is None:
        pytest.skip("QWEN3_TTS_COMMAND names no qwen3-tts")
    path = tmp_path / "hello.wav"
    subprocess.run([command, "speak", TEXT, "--seed", "1", "-o", path], check=True)
    assert path.read_bytes()[44:] == hello.to_bytes("pcm")


def test_the_version_is_that_of_the_wheel():
    try:
        installed = metadata.version("qwen3-tts")
    except metadata.PackageNotFoundError:
        pytest.skip("the package is not installed")
    assert qwen3_tts.__version__ == installed


def test_nothing_but_numpy_is_imported():
    code = "import sys, qwen3_tts; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(found.stdout.split())
    assert "numpy" in modules
    assert not modules & {"torch", "ray", "scipy", "librosa", "soundfile", "transformers"}
