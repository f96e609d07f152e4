"""Recordings, cloned voices and the codec."""

import io
import pickle
import warnings
import wave

import numpy as np
import pytest

import qwen3_tts

TEXT = "Hello there. How are you?"


@pytest.fixture(scope="module")
def voice(tts, hello):
    return tts.clone_voice(hello.audio, TEXT, sample_rate=hello.sample_rate)


def test_a_voice_in_context_has_codes(tts, hello, voice):
    assert voice.transcript == TEXT and voice.model_size == "0b6"
    np.testing.assert_array_equal(voice.codes, tts.encode((hello.audio, 24_000)))
    assert voice.speaker_embedding.dtype == np.float32


def test_a_voice_without_a_transcript_is_its_embedding(tts, hello, voice):
    alone = tts.clone_voice((hello.audio, 24_000))
    assert alone.codes is None and alone.transcript is None
    np.testing.assert_array_equal(alone.speaker_embedding, voice.speaker_embedding)
    assert alone != voice


def test_all_kinds_of_recordings_are_one(tts, hello, voice, tmp_path):
    # 16-bit samples, which a file and an array of integers hold alike.
    integers = np.frombuffer(hello.to_bytes("pcm"), "<i2")
    path = tmp_path / "hello.wav"
    hello.save(path)
    kinds = [
        path,
        str(path),
        path.read_bytes(),
        bytearray(path.read_bytes()),
        (integers, 24_000),
        (np.stack([integers, integers], axis=1), 24_000),
        (integers.astype(np.float64) / 32_768, 24_000),
        (integers.astype(np.int32) * 65_536, 24_000),
    ]
    voices = [tts.clone_voice(kind, TEXT) for kind in kinds]
    assert all(found == voices[0] for found in voices)


def test_a_voice_speaks(tts, voice, hello):
    speech = tts.speak("Another sentence.", voice=voice, seed=2)
    assert speech.stop_reason == "eos" and speech.duration > 0.5
    streamed = np.concatenate([c.audio for c in tts.stream("Another sentence.", voice=voice, seed=2)])
    np.testing.assert_array_equal(streamed, speech.audio)


def test_a_voice_is_kept(tts, voice, tmp_path):
    voice.save(tmp_path / "ann.voice")
    kept = [qwen3_tts.Voice.load(tmp_path / "ann.voice"), pickle.loads(pickle.dumps(voice))]
    parts = qwen3_tts.Voice(
        voice.speaker_embedding, codes=voice.codes, transcript=voice.transcript, model_size="0b6"
    )
    assert kept == [voice, voice] and parts == voice
    assert "frames" in repr(voice)


def test_impossible_voices_are_refused(voice, tmp_path):
    embedding = voice.speaker_embedding
    for arguments, error in [
        ({"codes": voice.codes}, ValueError),
        ({"transcript": "x"}, ValueError),
        ({"model_size": "7b"}, ValueError),
        ({"codes": -voice.codes - 1, "transcript": "x"}, ValueError),
        ({"codes": voice.codes.astype(float), "transcript": "x"}, TypeError),
        ({"codes": voice.codes[0], "transcript": "x"}, ValueError),
    ]:
        with pytest.raises(error):
            qwen3_tts.Voice(embedding, **arguments)
    with pytest.raises(FileNotFoundError):
        qwen3_tts.Voice.load(tmp_path / "none.voice")
    (tmp_path / "wrong.voice").write_text("words")
    with pytest.raises(qwen3_tts.InvalidRequestError, match="wrong.voice"):
        qwen3_tts.Voice.load(tmp_path / "wrong.voice")


def test_the_voice_of_another_size_is_refused(tts, voice):
    other = qwen3_tts.Voice(np.zeros(2048), model_size="1b7")
    with pytest.raises(qwen3_tts.InvalidRequestError, match="1.7B"):
        tts.speak("Hello.", voice=other)
    with pytest.raises(TypeError, match="speaker"):
        tts.speak("Hello.", voice="mina")


def test_defects_of_a_recording_are_warnings(tts, hello):
    loud = np.clip(hello.audio * 4, -1, 1)
    with pytest.warns(qwen3_tts.RecordingWarning, match="clipped") as found:
        tts.clone_voice((loud, 24_000))
    assert [warning.filename for warning in found] == [__file__]
    with pytest.warns(qwen3_tts.RecordingWarning, match="first 1 s"):
        tts.clone_voice((hello.audio, 24_000), max_seconds=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tts.clone_voice((hello.audio, 24_000), trailing_silence=0.5)


@pytest.mark.parametrize(
    ("recording", "error"),
    [
        ("none.wav", FileNotFoundError),
        (b"words", ValueError),
        (np.zeros(24_000, np.float32), TypeError),
        ((np.zeros(24_000, np.float32), 24_000), ValueError),
        ((np.full(24_000, np.nan, np.float32), 24_000), ValueError),
        ((np.zeros(10, np.float32), 24_000), ValueError),
        ((np.ones(24_000, np.float32), 1), ValueError),
        ((np.ones((2, 2, 2), np.float32), 24_000), TypeError),
        (("a", "b", "c"), TypeError),
        (None, TypeError),
    ],
)
def test_impossible_recordings_are_refused(tts, recording, error):
    with pytest.raises(error):
        tts.clone_voice(recording)


def test_a_transcript_must_have_words(tts, hello):
    with pytest.raises(qwen3_tts.InvalidRequestError, match="transcript"):
        tts.clone_voice((hello.audio, 24_000), "  ")


def test_the_codec_goes_both_ways(tts, hello):
    silence = tts.encode((np.zeros(24_000, np.float32), 24_000))
    assert silence.shape == (13, 16)
    for codes in [np.zeros((0, 16), int), np.zeros((3, 15), int), np.full((3, 16), 10**9), np.full((3, 16), -1)]:
        with pytest.raises(qwen3_tts.InvalidRequestError):
            tts.decode(codes)
    assert tts.decode(hello.codes.tolist()).shape == hello.audio.shape


def test_the_codec_alone(hello):
    with qwen3_tts.Synthesizer(talker=False) as codec:
        np.testing.assert_array_equal(codec.decode(hello.codes), hello.audio)
        assert codec.model_type is None and codec.speakers == []
        with pytest.raises(qwen3_tts.InvalidRequestError, match="talker"):
            codec.speak("Hello.")


def test_a_wave_file_is_what_python_reads(hello):
    with wave.open(io.BytesIO(hello.to_bytes())) as file:
        assert file.getsampwidth() == 2 and file.getnframes() == hello.n_samples
