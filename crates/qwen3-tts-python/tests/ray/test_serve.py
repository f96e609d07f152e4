"""The example of Ray Serve."""

import importlib
import json
import socket
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def service(cluster, monkeypatch):
    """The address of the example."""
    serve = pytest.importorskip("ray.serve", reason='Ray Serve is not installed: pip install "ray[serve]"')
    from ray import cloudpickle

    monkeypatch.syspath_prepend(EXAMPLES)
    module = importlib.import_module("ray_serve")
    # The cluster was started without the folder of examples.
    cloudpickle.register_pickle_by_value(module)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(module.app)
    yield f"http://127.0.0.1:{port}/"
    serve.shutdown()


def post(address, **options):
    return urllib.request.urlopen(address, json.dumps(options).encode(), timeout=60)


def test_speech_is_streamed(service, tts):
    with post(service, text="Good morning. The wind rose.", speaker="mina", seed=3) as answer:
        assert answer.headers["Content-Type"] == "audio/pcm"
        assert answer.headers["Transfer-Encoding"] == "chunked"
        samples = np.frombuffer(answer.read(), "<i2")
    expected = tts.stream("Good morning. The wind rose.", speaker="mina", seed=3).collect().audio
    assert np.array_equal(samples, (expected * 32767).round().astype("<i2"))
    with pytest.raises(urllib.error.HTTPError):
        post(service, text="Good morning.", speaker="nobody")
