"""Errors: one class for each kind, and Python's own beside it."""

import pickle

import pytest

import qwen3_tts


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"speaker": "nemo"}, ValueError, "nemo"),
        ({"language": "klingon"}, ValueError, "klingon"),
        ({"instruct": "sadly"}, ValueError, "instruction"),
        ({"top_p": 5.0}, ValueError, "top-p"),
        ({"temperature": -1.0}, ValueError, "temperature"),
        ({"seed": -1}, ValueError, "seed: expected an integer from 0"),
        ({"seed": 2**64}, ValueError, "seed"),
        ({"top_k": -1}, ValueError, "top_k"),
        ({"sentence_pause": -1.0}, ValueError, "sentence_pause"),
        ({"sentence_pause": float("nan")}, ValueError, "sentence_pause"),
        ({"max_frames": 0}, ValueError, "frame"),
        ({"seed": "1"}, TypeError, "seed"),
        ({"greedy": 1}, TypeError, "greedy: expected True or False"),
        ({"speaker": 3}, TypeError, "speaker"),
        ({"speker": "mina"}, TypeError, "did you mean 'speaker'"),
        ({"whole_pieces": False}, TypeError, "whole_pieces"),
    ],
)
def test_a_request_that_cannot_be_honoured(tts, options, error, words):
    calls = [
        lambda: tts.speak("Hello.", **options),
        lambda: tts.stream("Hello.", **options),
        lambda: tts.check("Hello.", **options),
    ]
    for call in calls:
        with pytest.raises(error, match=words) as found:
            call()
        if error is ValueError:
            assert isinstance(found.value, qwen3_tts.InvalidRequestError)


def test_there_must_be_a_text(tts):
    for text in ["", " \n"]:
        with pytest.raises(qwen3_tts.InvalidRequestError):
            tts.speak(text)
    for text in [None, 3, b"bytes"]:
        with pytest.raises(TypeError):
            tts.speak(text)
    with pytest.raises(UnicodeError):
        tts.speak("\ud800")


def test_a_model_that_is_not_there(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="nowhere") as found:
        qwen3_tts.Synthesizer("nowhere/at/all")
    assert isinstance(found.value, qwen3_tts.NotFoundError)
    with pytest.raises(qwen3_tts.NotFoundError, match="config.json"):
        qwen3_tts.Synthesizer(tmp_path)
    (tmp_path / "speech_tokenizer").mkdir()
    (tmp_path / "speech_tokenizer" / "config.json").write_text("{")
    with pytest.raises(qwen3_tts.InvalidModelError, match="config.json"):
        qwen3_tts.Synthesizer(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(qwen3_tts.Error):
        qwen3_tts.Synthesizer("Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"device": "abacus"}, ValueError),
        ({"device": "mlx"}, ValueError),
        ({"quantize": 5}, ValueError),
        ({"quantize": "talker=x"}, ValueError),
        ({"threads": -1}, ValueError),
        ({"threads": 0}, ValueError),
        ({"threads": "two"}, TypeError),
    ],
)
def test_options_of_loading(arguments, error):
    with pytest.raises(error):
        qwen3_tts.Synthesizer(**arguments)


def test_a_busy_model_says_so():
    with qwen3_tts.Synthesizer(max_active=1, max_waiting=1) as tts:
        streams = [tts.stream("A text of some length.", seed=1) for _ in range(2)]
        with pytest.raises(qwen3_tts.BusyError) as found:
            tts.stream("One too many.")
        assert isinstance(found.value, RuntimeError)
        audio = [stream.collect().n_samples for stream in streams]
        assert audio[0] == audio[1]
        tts.speak("There is room again.")


def test_a_closed_model_says_so():
    tts = qwen3_tts.Synthesizer()
    stream = tts.stream("A very long text. " * 40)
    tts.close()
    tts.close()
    assert stream.collect().stop_reason == "cancelled"
    with pytest.raises(qwen3_tts.CancelledError):
        tts.speak("Hello.")


def test_a_model_is_not_pickled(tts):
    with pytest.raises(TypeError, match="load it in each process"):
        pickle.dumps(tts)


def test_every_class_is_both_ours_and_pythons():
    classes = [value for value in vars(qwen3_tts).values() if isinstance(value, type)]
    errors = [cls for cls in classes if issubclass(cls, qwen3_tts.Error)]
    assert len(errors) == 9
    for cls in errors:
        assert cls is qwen3_tts.Error or len(cls.__bases__) == 2
