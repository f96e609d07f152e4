"""What the tests of the clients share: where the services are, and a short text.

`cargo xtask test-clients` starts the services and sets the variables.
"""

import os
import pathlib
import subprocess

import openai
import pytest


# What is said in the recording, word for word.
RECORDED_TEXT = "The north wind and the sun were arguing about which of them was stronger."


def setting(name: str) -> str:
    """Returns a variable that the task sets."""
    value = os.environ.get(name)
    if not value:
        pytest.exit(f"{name} is not set; run `cargo xtask test-clients`", returncode=2)
    return value


@pytest.fixture(scope="session")
def open_address() -> str:
    """host:port of the service without keys."""
    return setting("QWEN3_TTS_OPEN")


@pytest.fixture(scope="session")
def guarded_address() -> str:
    """host:port of the service with keys, which speaks one request at a time."""
    return setting("QWEN3_TTS_GUARDED")


@pytest.fixture(scope="session")
def wyoming_address() -> tuple[str, int]:
    """Host and port of the Wyoming interface."""
    host, port = setting("QWEN3_TTS_WYOMING_ADDRESS").rsplit(":", 1)
    return host, int(port)


@pytest.fixture(scope="session")
def key() -> str:
    """A key of the guarded service."""
    return setting("QWEN3_TTS_KEY")


@pytest.fixture(scope="session")
def program() -> pathlib.Path:
    """The command `qwen3-tts`."""
    return pathlib.Path(setting("QWEN3_TTS_COMMAND"))


@pytest.fixture
def client(open_address) -> openai.OpenAI:
    """The official client for the open service. It has to send some key."""
    with openai.OpenAI(base_url=f"http://{open_address}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def guarded_client(guarded_address, key) -> openai.OpenAI:
    """The official client for the guarded service."""
    with openai.OpenAI(base_url=f"http://{guarded_address}/v1", api_key=key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def recording(program, tmp_path_factory) -> bytes:
    """A WAV file of speech, to clone a voice from."""
    path = tmp_path_factory.mktemp("recording") / "recording.wav"
    command = [program, "--quiet", "speak", RECORDED_TEXT, "--seed", "3", "-o", path]
    subprocess.run(command, check=True)
    return path.read_bytes()
