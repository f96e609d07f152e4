"""One model with the built-in voice for all tests."""

import pytest

import qwen3_tts


@pytest.fixture(scope="session")
def tts():
    with qwen3_tts.Synthesizer() as synthesizer:
        yield synthesizer


@pytest.fixture(scope="session")
def hello(tts):
    """A speech that the tests compare with."""
    return tts.speak("Hello there. How are you?", seed=1)
