"""Text in, audio out over a WebSocket, in the dialect of vllm-omni 0.30."""

import asyncio
import json

import httpx
import pytest
import websockets

import sound

PATIENCE = 30.0
CONFIG = {"type": "session.config", "voice": "alloy", "response_format": "pcm", "stream_audio": True}


def url(address: str) -> str:
    """Returns the address of the WebSocket."""
    return f"ws://{address}/v1/audio/speech/stream"


async def read_utterance(socket) -> tuple[list[dict], list[bytes]]:
    """Returns the messages and the audio of each sentence, up to session.done."""
    messages, sentences = [], []
    async with asyncio.timeout(PATIENCE):
        async for frame in socket:
            if isinstance(frame, bytes):
                assert messages and sentences, "audio before audio.start"
                sentences[-1] += frame
                continue
            message = json.loads(frame)
            messages.append(message)
            if message["type"] == "audio.start":
                sentences.append(b"")
            if message["type"] == "session.done":
                return messages, sentences
    raise AssertionError(f"closed before session.done, after {messages}")


async def send(socket, *messages: dict) -> None:
    for message in messages:
        await socket.send(json.dumps(message))


async def speak(address: str, pieces: list[str], config: dict) -> tuple[list[dict], list[bytes]]:
    """Speaks one utterance on a connection of its own."""
    async with websockets.connect(url(address)) as socket:
        await send(socket, CONFIG | config)
        await send(socket, *({"type": "input.text", "text": piece} for piece in pieces))
        await send(socket, {"type": "input.done"})
        return await read_utterance(socket)


def check_order(messages: list[dict], sentences: list[bytes], utterance: int = 0) -> None:
    """Checks that every sentence starts and ends, in order, and that the counts are right."""
    assert [message["type"] for message in messages] == ["audio.start", "audio.done"] * len(
        sentences
    ) + ["session.done"]
    for index, audio in enumerate(sentences):
        start, done = messages[2 * index], messages[2 * index + 1]
        for message in (start, done):
            assert message["sentence_index"] == index
            assert message["utterance_index"] == utterance
        assert start["sentence_text"].strip() and start["format"]
        assert done["total_bytes"] == len(audio) and done["error"] is False
    last = messages[-1]
    assert last["total_sentences"] == len(sentences) and last["utterance_index"] == utterance


def test_text_in_pieces_becomes_audio(open_address):
    messages, sentences = asyncio.run(speak(open_address, ["Good mor", "ning."], {}))
    check_order(messages, sentences)
    assert messages[0]["format"] == "pcm" and messages[0]["sample_rate"] == sound.RATE
    sound.assert_speech(sound.samples(b"".join(sentences)))


def test_audio_does_not_depend_on_the_pieces(open_address):
    text = "Good morning. How are you today? I am well."
    config = {"seed": 4}
    whole = asyncio.run(speak(open_address, [text], config))
    letters = asyncio.run(speak(open_address, list(text), config))
    check_order(*whole)
    assert b"".join(whole[1]) == b"".join(letters[1])


def test_first_sentence_is_heard_before_the_text_has_ended(open_address):
    async def listen() -> None:
        async with websockets.connect(url(open_address)) as socket:
            await send(socket, CONFIG | {"split_granularity": "sentence"})
            await send(socket, {"type": "input.text", "text": "Good morning. How are you"})
            async with asyncio.timeout(PATIENCE):
                while not isinstance(await socket.recv(), bytes):
                    pass
            await send(socket, {"type": "input.text", "text": " today?"}, {"type": "input.done"})
            await read_utterance_rest(socket)

    asyncio.run(listen())


async def read_utterance_rest(socket) -> None:
    """Reads up to session.done when the beginning has been read."""
    async with asyncio.timeout(PATIENCE):
        async for frame in socket:
            if isinstance(frame, str) and json.loads(frame)["type"] == "session.done":
                return
    raise AssertionError("closed before session.done")


def test_connection_serves_many_utterances(open_address):
    """input.done ends an utterance, not the connection."""

    async def listen() -> None:
        async with websockets.connect(url(open_address)) as socket:
            await send(socket, CONFIG)
            for utterance in range(3):
                text = {"type": "input.text", "text": f"Number {utterance}."}
                await send(socket, text, {"type": "input.done"})
                messages, sentences = await read_utterance(socket)
                check_order(messages, sentences, utterance)
                sound.assert_speech(sound.samples(b"".join(sentences)))
            # LiveKit's plugin keeps its connection alive with an empty utterance.
            await send(socket, {"type": "input.done"})
            messages, sentences = await read_utterance(socket)
            assert messages[-1]["total_sentences"] == 0 and not sentences
            await send(socket, {"type": "session.close"})
            async with asyncio.timeout(PATIENCE):
                await socket.wait_closed()
            assert socket.close_code == 1000

    asyncio.run(listen())


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "opus"])
def test_sentences_in_whole_files(open_address, form):
    config = {"response_format": form, "stream_audio": False}
    messages, sentences = asyncio.run(speak(open_address, ["Good morning."], config))
    check_order(messages, sentences)
    sound.assert_sound(sentences[0], form)


def first_answer(address: str, *frames: str) -> dict:
    """Sends frames as they are and returns the first answer."""

    async def listen() -> dict:
        async with websockets.connect(url(address)) as socket:
            for frame in frames:
                await socket.send(frame)
            async with asyncio.timeout(PATIENCE):
                return json.loads(await socket.recv())

    return asyncio.run(listen())


@pytest.mark.parametrize(
    "frames",
    [
        ["hello"],
        ["[]"],
        ['{"type":"input.text","text":"Good morning."}'],
        ['{"type":"session.config","voice":"nobody"}', '{"type":"input.text","text":"Yes."}',
         '{"type":"input.done"}'],
        ['{"type":"session.config","response_format":"au"}'],
        ['{"type":"session.config","no_such_field":1}'],
        ['{"type":"session.config","voice":"alloy"}', '{"type":"input.text","text":7}'],
        ['{"type":"session.config","voice":"alloy"}', '{"type":"sing"}'],
    ],
)
def test_mistakes_are_named(open_address, frames):
    answer = first_answer(open_address, *frames)
    while answer["type"] == "audio.start":
        pytest.fail("audio was begun for a request that cannot be honoured")
    assert answer["type"] == "error" and answer["message"]


@pytest.mark.parametrize("header", ["Authorization: Bearer", "Authorization: Api-Key", "Api-Key:"])
def test_keys_as_clients_send_them(guarded_address, key, header):
    name, _, scheme = header.partition(":")
    value = f"{scheme.strip()} {key}".strip()

    async def listen() -> None:
        headers = {name: value}
        async with websockets.connect(url(guarded_address), additional_headers=headers) as socket:
            await send(socket, CONFIG, {"type": "input.done"})
            messages, _ = await read_utterance(socket)
            assert messages[-1]["total_sentences"] == 0

    asyncio.run(listen())


def test_without_a_key_the_upgrade_is_refused(guarded_address):
    async def connect() -> None:
        async with websockets.connect(url(guarded_address)):
            pass

    with pytest.raises(websockets.InvalidStatus) as refusal:
        asyncio.run(connect())
    assert refusal.value.response.status_code == 401


def test_hanging_up_frees_the_place(guarded_address, key):
    async def hang_up() -> None:
        headers = {"Authorization": f"Bearer {key}"}
        async with websockets.connect(url(guarded_address), additional_headers=headers) as socket:
            long = "Good morning to all of you. " * 100
            await send(socket, CONFIG, {"type": "input.text", "text": long}, {"type": "input.done"})
            async with asyncio.timeout(PATIENCE):
                while not isinstance(await socket.recv(), bytes):
                    pass

    asyncio.run(hang_up())
    request = {"input": "Yes.", "voice": "alloy", "response_format": "pcm"}
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://{guarded_address}", headers=headers) as client:
        for _ in range(40):
            answer = client.post("/v1/audio/speech", json=request)
            if answer.status_code == 200:
                return
            assert answer.status_code == 429
            asyncio.run(asyncio.sleep(0.05))
    pytest.fail("the place is still taken after two seconds")
