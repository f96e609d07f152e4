"""A Ray of two CPUs, for the tests that need one."""

import os

import pytest

TEXTS = ("Good morning.", "The wind rose.", "Who is there?", "Nobody answered.", "It rained.")


@pytest.fixture(scope="session")
def cluster():
    """The address of a Ray cluster on this machine."""
    # `ray` alone may be this folder.
    pytest.importorskip("ray.data", reason='Ray is not installed: pip install "qwen3-tts[ray]"')
    import ray

    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture(scope="session")
def tts():
    """The built-in voice in this process."""
    from qwen3_tts import Synthesizer

    return Synthesizer(threads=2)


@pytest.fixture
def rows():
    """Two hundred rows, with both speakers, some with a seed of their own."""
    return [
        {
            "id": f"row-{n:03}",
            "text": f"{TEXTS[n % len(TEXTS)]} This is row {n}.",
            "speaker": ("arlo", "mina")[n % 2],
            **({"seed": n} if n % 3 == 0 else {}),
        }
        for n in range(200)
    ]


@pytest.fixture(autouse=True)
def package_for_subprocesses(monkeypatch):
    """Lets subprocesses import the package that is tested."""
    import qwen3_tts

    source = os.path.dirname(os.path.dirname(qwen3_tts.__file__))
    paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
