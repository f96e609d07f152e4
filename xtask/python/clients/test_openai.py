"""The official Python client, `openai`."""

import base64
import json
import threading
import time

import httpx
import openai
import pytest

import sound
from conftest import RECORDED_TEXT

TEXT = "Good morning."
FORMATS = ["mp3", "opus", "aac", "flac", "wav", "pcm"]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_a_sound(client, form):
    speech = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=form)
    sound.assert_sound(speech.content, form, speech.response.headers["content-type"])


def test_mp3_is_the_default(client):
    speech = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
    sound.assert_sound(speech.content, "mp3", speech.response.headers["content-type"])


def test_streams_to_a_file(client, tmp_path):
    path = tmp_path / "speech.wav"
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="coral", input=TEXT, response_format="wav"
    ) as speech:
        speech.stream_to_file(path)
    sound.assert_speech(sound.read_wav(path.read_bytes()))


def test_async_client_streams_while_it_is_spoken(open_address):
    import asyncio

    async def listen() -> tuple[list[float], bytes]:
        async with openai.AsyncOpenAI(base_url=f"http://{open_address}/v1", api_key="none") as client:
            times, audio = [], b""
            async with client.audio.speech.with_streaming_response.create(
                model="tts-1", voice="nova", input=" ".join([TEXT] * 30), response_format="pcm"
            ) as speech:
                async for chunk in speech.iter_bytes(4800):
                    times.append(time.monotonic())
                    audio += chunk
        return times, audio

    begun = time.monotonic()
    times, audio = asyncio.run(listen())
    sound.assert_speech(sound.samples(audio), most=90)
    # The first audio comes long before the last.
    assert times[0] - begun < (times[-1] - begun) / 2


def server_events(client, **fields):
    """Returns the events of a speech that is sent as server-sent events."""
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", stream_format="sse", **fields
    ) as speech:
        assert speech.headers["content-type"].split(";")[0] == "text/event-stream"
        lines = [line for line in speech.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines if not line.startswith("event:"))
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(line) for line in data if line != "[DONE]"]


@pytest.mark.parametrize("form", ["pcm", "wav", "flac", "mp3"])
def test_events_join_to_the_whole(client, form):
    fields = {
        "input": TEXT, "voice": "alloy", "response_format": form, "extra_body": {"seed": 5}
    }
    events = server_events(client, **fields)
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    joined = b"".join(base64.b64decode(event["audio"], validate=True) for event in events[:-1])
    whole = client.audio.speech.create(model="gpt-4o-mini-tts", **fields).content
    assert joined == whole
    assert events[-1]["type"] == "speech.audio.done"
    usage = events[-1]["usage"]
    assert usage["input_tokens"] > 0 and usage["output_tokens"] > 0
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_models_are_listed_and_found(client):
    models = list(client.models.list())
    assert models and all(model.object == "model" for model in models)
    found = client.models.retrieve(models[0].id)
    assert found.id == models[0].id and found.owned_by and isinstance(found.created, int)
    with pytest.raises(openai.NotFoundError) as refusal:
        client.models.retrieve("no-such-model")
    assert_error(refusal.value, 404, code="model_not_found")


def assert_error(error: openai.APIStatusError, status: int, **expected) -> None:
    """Checks the status and the body of an error as the client reads it."""
    assert error.status_code == status
    assert isinstance(error.body, dict), error.body
    assert set(error.body) == {"message", "type", "param", "code"}
    assert error.body["message"] and error.body["type"]
    for name, value in expected.items():
        assert error.body[name] == value


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": ""}, "input"),
        ({"speed": 9.0}, "speed"),
        ({"response_format": "au"}, "response_format"),
        ({"stream_format": "smoke"}, "stream_format"),
        ({"extra_body": {"seed": "four"}}, "seed"),
        ({"extra_body": {"no_such_field": 1}}, "no_such_field"),
    ],
)
def test_bad_requests_name_the_field(client, change, param):
    fields = {"model": "tts-1", "voice": "alloy", "input": TEXT} | change
    with pytest.raises(openai.BadRequestError) as refusal:
        client.audio.speech.create(**fields)
    assert_error(refusal.value, 400, type="invalid_request_error", param=param)


def test_formats_that_are_not_written_are_refused_with_those_that_are(client):
    with pytest.raises(openai.BadRequestError) as refusal:
        client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="aiff")
    assert_error(refusal.value, 400, param="response_format")
    assert all(form in refusal.value.body["message"] for form in FORMATS)


def test_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refusal:
        client.audio.speech.create(model="no-such-model", voice="alloy", input=TEXT)
    assert_error(refusal.value, 404, code="model_not_found", param="model")
    assert "no-such-model" in refusal.value.body["message"]


def test_unknown_voice_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refusal:
        client.audio.speech.create(model="tts-1", voice="nobody", input=TEXT)
    assert_error(refusal.value, 404, param="voice")
    assert "nobody" in refusal.value.body["message"]


def test_keys_are_asked_for(guarded_address, guarded_client):
    base = f"http://{guarded_address}/v1"
    with openai.OpenAI(base_url=base, api_key="sk-wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError) as refusal:
            stranger.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
        assert_error(refusal.value, 401, code="invalid_api_key")
        assert "sk-wrong" not in refusal.value.body["message"]
        assert list(stranger.models.list())
    speech = guarded_client.audio.speech.create(
        model="tts-1", voice="alloy", input=TEXT, response_format="wav"
    )
    sound.assert_speech(sound.read_wav(speech.content))


def test_one_too_many_is_told_to_wait(guarded_client):
    long = " ".join([TEXT] * 200)
    create = guarded_client.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="alloy", input=long, response_format="pcm") as speech:
        chunks = speech.iter_bytes(4800)
        next(chunks)
        with pytest.raises(openai.RateLimitError) as refusal:
            guarded_client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
        assert_error(refusal.value, 429)
        assert int(refusal.value.response.headers["retry-after"]) >= 1
    # The client has hung up in the middle, so its place is free within a frame or two.
    speak_soon(guarded_client)


def speak_soon(client: openai.OpenAI) -> None:
    """Speaks as soon as the service has room, which must be within two seconds."""
    deadline = time.monotonic() + 2
    while True:
        try:
            speech = client.audio.speech.create(
                model="tts-1", voice="alloy", input=TEXT, response_format="pcm"
            )
            return sound.assert_speech(sound.samples(speech.content))
        except openai.RateLimitError:
            assert time.monotonic() < deadline, "the place of a cancelled speech is still taken"
            time.sleep(0.05)


def test_the_client_retries_by_itself(guarded_client):
    """With its retries, which heed Retry-After, the client waits for a busy service."""
    patient = guarded_client.with_options(max_retries=8)
    results = []

    def speak():
        speech = patient.audio.speech.create(
            model="tts-1", voice="alloy", input=TEXT, response_format="pcm"
        )
        results.append(speech.content)

    threads = [threading.Thread(target=speak) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    for data in results:
        sound.assert_speech(sound.samples(data))


def test_a_timeout_ends_the_speech(guarded_client):
    impatient = guarded_client.with_options(timeout=0.001)
    with pytest.raises(openai.APITimeoutError):
        impatient.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
    speak_soon(guarded_client)


def test_speed_changes_the_length(client):
    lengths = {}
    for speed in [0.5, 1.0, 2.0]:
        speech = client.audio.speech.create(
            model="tts-1", voice="alloy", input="Good morning to all of you.", speed=speed,
            response_format="pcm", extra_body={"seed": 1},
        )
        lengths[speed] = len(speech.content)
    assert lengths[0.5] / lengths[1.0] == pytest.approx(2.0, rel=0.15)
    assert lengths[2.0] / lengths[1.0] == pytest.approx(0.5, rel=0.15)


def test_long_text_is_no_error(client):
    """OpenAI refuses more than 4096 characters."""
    text = "This sentence is spoken again and again. " * 110
    assert len(text) > 4096
    seconds = 0.0
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=text, response_format="pcm"
    ) as speech:
        for chunk in speech.iter_bytes(48000):
            seconds += len(chunk) / 2 / sound.RATE
            if seconds > 60:
                return
    pytest.fail(f"only {seconds} s were spoken")


def test_there_is_a_limit(client):
    with pytest.raises(openai.APIStatusError) as refusal:
        client.audio.speech.create(model="tts-1", voice="alloy", input="word " * 2_000_000)
    assert refusal.value.status_code in (400, 413)
    assert_error(refusal.value, refusal.value.status_code)


def test_a_voice_is_uploaded_used_and_deleted(client, recording):
    voice = client.audio.voices.create(
        name="my-voice", consent="cons_1234", audio_sample=("me.wav", recording, "audio/wav"),
        extra_body={"ref_text": RECORDED_TEXT},
    )
    assert voice.object == "audio.voice" and voice.id and voice.name == "my-voice"
    assert isinstance(voice.created_at, int)
    listed = client.get("/audio/voices", cast_to=httpx.Response).json()["voices"]
    assert voice.id in [entry["id"] for entry in listed]
    speech = client.audio.speech.create(
        model="tts-1", voice={"id": voice.id}, input=TEXT, response_format="wav"
    )
    sound.assert_speech(sound.read_wav(speech.content))
    deleted = client.audio.voices.delete(voice.id)
    assert deleted.deleted and deleted.id == voice.id and deleted.object == "audio.voice.deleted"
    with pytest.raises(openai.NotFoundError):
        client.audio.voices.delete(voice.id)
    with pytest.raises(openai.NotFoundError) as refusal:
        client.audio.speech.create(model="tts-1", voice=voice.id, input=TEXT)
    assert_error(refusal.value, 404, param="voice")
