import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from compat_support import CHECKPOINTS

from qwen3_tts.compat import Qwen3TTSModel


@pytest.fixture(scope="session")
def load():
    """Loads a checkpoint of the fixtures, once."""
    loaded = {}

    def load(name):
        if name not in loaded:
            loaded[name] = Qwen3TTSModel.from_pretrained(str(CHECKPOINTS / name), threads=2)
        return loaded[name]

    return load


@pytest.fixture
def custom(load):
    return load("custom_voice_0b6")


@pytest.fixture
def base(load):
    return load("base_0b6")
