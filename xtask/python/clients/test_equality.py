"""Audio of the service and of the command are the same, sample for sample."""

import subprocess

import httpx
import pytest

import sound

TEXT = "Good morning. How are you today? I am well, thank you."


def of_the_command(program, path, *arguments: str) -> bytes:
    """Returns the file that `qwen3-tts speak` writes."""
    command = [program, "--quiet", "speak", TEXT, "-o", path, *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return path.read_bytes()


def of_the_service(address: str, **fields) -> bytes:
    """Returns the body of the answer to a request."""
    request = {"input": TEXT, "voice": "default"} | fields
    answer = httpx.post(f"http://{address}/v1/audio/speech", json=request, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("form", ["wav", "flac", "pcm"])
def test_same_samples_as_the_command(open_address, program, tmp_path, form):
    served = of_the_service(open_address, response_format=form, seed=7)
    written = of_the_command(program, tmp_path / "speech.wav", "--seed", "7")
    values = sound.decode(served, form)
    if values is None:
        pytest.skip("no ffmpeg to decode FLAC")
    assert values == sound.read_wav(written)


@pytest.mark.parametrize("voice", ["mina", "arlo:0.7,mina:0.3"])
def test_same_samples_for_a_voice(open_address, program, tmp_path, voice):
    served = of_the_service(open_address, response_format="wav", seed=7, voice=voice)
    written = of_the_command(program, tmp_path / "s.wav", "--seed", "7", "--speaker", voice)
    assert sound.read_wav(served) == sound.read_wav(written)


def test_same_samples_at_another_speed(open_address, program, tmp_path):
    served = of_the_service(open_address, response_format="wav", seed=7, speed=1.25)
    written = of_the_command(program, tmp_path / "s.wav", "--seed", "7", "--speed", "1.25")
    assert sound.read_wav(served) == sound.read_wav(written)


def test_same_samples_for_everyone_at_once(open_address):
    """Requests that are spoken together have the samples that each has alone."""
    import concurrent.futures

    seeds = range(6)
    alone = [of_the_service(open_address, response_format="pcm", seed=seed) for seed in seeds]
    with concurrent.futures.ThreadPoolExecutor(len(alone)) as callers:
        together = callers.map(
            lambda seed: of_the_service(open_address, response_format="pcm", seed=seed), seeds
        )
        assert list(together) == alone
    assert len(set(alone)) == len(alone)
