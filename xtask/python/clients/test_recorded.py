"""Requests of clients that are not installed here, sent byte for byte as those clients send them.

`recorded/` has a file for each client: what it put on the wire, with the versions of the client and of
its HTTP library. The tests check of the answers what the client's own code checks.
"""

import asyncio
import base64
import json
import pathlib
import socket

import pytest
import websockets

import sound

RECORDED = pathlib.Path(__file__).parent / "recorded"
# Clients that send this key send it to services without keys too.
KEY = "sk-test"


class Answer:
    """Status, headers and whole body of an answer."""

    def __init__(self, stream) -> None:
        self.status = int(stream.readline().split()[1])
        self.headers = {}
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = self._read_body(stream)

    def _read_body(self, stream) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return stream.read(int(self.headers["content-length"]))
        body = b""
        while size := int(stream.readline(), 16):
            chunk = stream.read(size)
            assert len(chunk) == size, "a chunk was cut short"
            body += chunk
            stream.readline()
        stream.readline()
        return body

    @property
    def media_type(self) -> str:
        """The content type without parameters."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    def json(self):
        return json.loads(self.body)


class Client:
    """A client's connection, which stays open from request to request as the client's does."""

    def __init__(self, name: str, address: str) -> None:
        self.requests = json.loads((RECORDED / f"{name}.json").read_text())["requests"]
        self.address = address
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.stream = self.socket.makefile("rb")

    def send(self, name: str) -> Answer:
        """Sends a recorded request, of which only the host is replaced."""
        request = self.requests[name]
        lines = [f"{request['method']} {request['path']} HTTP/1.1"]
        lines += [f"{key}: {value}" for key, value in request["headers"]]
        head = "\r\n".join(lines).replace("{host}", self.address)
        self.socket.sendall(f"{head}\r\n\r\n{request['body']}".encode())
        return Answer(self.stream)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()


def test_recordings_are_complete():
    files = sorted(RECORDED.glob("*.json"))
    assert len(files) == 8
    for file in files:
        record = json.loads(file.read_text())
        assert all(record[name] for name in ["client", "version", "source", "library", "requests"])
        for request in record["requests"].values():
            lengths = [v for k, v in request["headers"] if k.lower() == "content-length"]
            assert not request["body"] or lengths == [str(len(request["body"].encode()))]


def test_open_webui(open_address):
    with Client("open_webui", open_address) as client:
        models = client.send("audio_models")
        assert models.status == 200 and models.media_type == "application/json"
        assert all(model["id"] for model in models.json()["models"])
        assert all(model["id"] for model in client.send("models").json()["data"])
        voices = client.send("voices").json()["voices"]
        names = {voice["id"]: voice["name"] for voice in voices}
        assert "alloy" in names and all(names.values())
        speech = client.send("speech")
        assert speech.status == 200
        # Its slim variant takes no other types.
        assert speech.media_type in {
            "audio/mpeg", "audio/mp3", "audio/wav", "audio/x-wav", "audio/ogg", "audio/opus",
            "audio/webm", "audio/flac", "audio/aac", "audio/mp4",
        }
        sound.assert_sound(speech.body, "mp3", speech.headers["content-type"])


def test_open_webui_lists_without_a_key(guarded_address):
    with Client("open_webui", guarded_address) as client:
        for name in ["audio_models", "models", "voices"]:
            assert client.send(name).status == 200


def test_sillytavern(open_address, guarded_address):
    with Client("sillytavern", open_address) as client:
        for name in ["speech_without_key", "speech"]:
            speech = client.send(name)
            assert 200 <= speech.status < 300
            sound.assert_sound(speech.body, "mp3", speech.headers["content-type"])
    with Client("sillytavern", guarded_address) as client:
        assert client.send("speech_without_key").status == 401
        assert client.send("speech").status == 200


def test_pipecat(open_address):
    with Client("pipecat", open_address) as client:
        speech = client.send("speech")
        assert speech.status == 200, speech.body
        # It takes the body for 16-bit samples at 24 kHz, whatever the headers say.
        assert len(speech.body) % 2 == 0
        sound.assert_speech(sound.samples(speech.body))


def test_pipecat_is_told_that_instructions_are_not_followed(open_address):
    """The built-in voice takes none; pipecat shows the message of a status 400 as an error."""
    with Client("pipecat", open_address) as client:
        refusal = client.send("speech_with_settings")
        assert refusal.status == 400 and "instruction" in refusal.json()["error"]["message"]


def test_pipecat_shows_the_text_of_an_error(guarded_address):
    with Client("pipecat", guarded_address) as client:
        client.requests["speech"]["headers"] = [
            [name, "Bearer wrong" if name == "authorization" else value]
            for name, value in client.requests["speech"]["headers"]
        ]
        refusal = client.send("speech")
        assert refusal.status == 401 and refusal.json()["error"]["message"]


def test_livekit_openai(open_address):
    with Client("livekit_openai", open_address) as client:
        # Whatever is answered is ignored; the connection must stay open for the speech.
        assert client.send("prewarm").status < 500
        speech = client.send("speech_sse")
        assert speech.status == 200 and speech.media_type == "text/event-stream"
        audio, usage = b"", None
        for line in speech.body.decode().splitlines():
            if not line.startswith("data: "):
                continue
            if line == "data: [DONE]":
                break
            event = json.loads(line.removeprefix("data: "))
            if event["type"] == "speech.audio.delta":
                audio += base64.b64decode(event.get("delta", "") or event.get("audio", ""))
            if event["type"] == "speech.audio.done":
                usage = event["usage"]
        sound.assert_sound(audio, "mp3")
        assert usage["input_tokens"] and usage["output_tokens"]
        whole = client.send("speech_audio")
        assert whole.status == 200
        sound.assert_sound(whole.body, "mp3", whole.headers["content-type"])


def test_home_assistant(open_address):
    with Client("home_assistant", open_address) as client:
        assert json.loads(client.requests["speech"]["body"])["instructions"] == "None"
        speech = client.send("speech")
        assert speech.status == 200, speech.body
        sound.assert_sound(speech.body, "mp3", speech.headers["content-type"])


def test_home_assistant_openai_tts(open_address):
    with Client("home_assistant_openai_tts", open_address) as client:
        streamed = client.send("speech_stream")
        assert streamed.status == 200
        sound.assert_sound(streamed.body, "opus", streamed.headers["content-type"])
        # This one asks for the connection to be closed.
        whole = client.send("speech")
        assert whole.status == 200
        sound.assert_sound(whole.body, "mp3", whole.headers["content-type"])
        assert client.stream.read() == b""


def test_epub_to_audiobook(open_address):
    with Client("epub_to_audiobook", open_address) as client:
        assert json.loads(client.requests["speech"]["body"])["instructions"] is None
        speech = client.send("speech")
        assert speech.status == 200
        sound.assert_sound(speech.body, "mp3", speech.headers["content-type"])


def test_livekit_baseten_upgrade(guarded_address):
    """The request for the WebSocket, and its `Authorization: Api-Key`."""
    with Client("livekit_baseten", guarded_address) as client:
        request = client.requests["upgrade"]
        lines = [f"GET {request['path']} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request["headers"]]
        head = "\r\n".join(lines).replace("{host}", guarded_address)
        client.socket.sendall(f"{head}\r\n\r\n".encode())
        assert client.stream.readline().split()[1] == b"101"
        headers = b"".join(iter(client.stream.readline, b"\r\n")).lower()
        # It asked for no compression, and refuses extensions it did not ask for.
        assert b"sec-websocket-extensions" not in headers


def test_livekit_baseten_turns(open_address):
    """A turn, a keepalive and a second turn on one connection, with the plugin's session."""
    config = {
        "type": "session.config", "task_type": "CustomVoice", "response_format": "pcm",
        "stream_audio": True, "speed": 1.0, "voice": "alloy", "language": "Auto",
    }

    async def turn(connection, texts: list[str]) -> bytes:
        for text in texts:
            await connection.send(json.dumps({"type": "input.text", "text": text}))
        await connection.send(json.dumps({"type": "input.done"}))
        audio = b""
        async with asyncio.timeout(30):
            while True:
                frame = await connection.recv()
                if isinstance(frame, bytes):
                    audio += frame
                    continue
                event = json.loads(frame)
                assert event["type"] != "error", event
                if event["type"] == "audio.start":
                    assert int(event.get("sample_rate", sound.RATE)) == sound.RATE
                if event["type"] == "audio.done":
                    assert not event.get("error")
                if event["type"] == "session.done":
                    return audio

    async def converse() -> None:
        headers = {"Authorization": f"Api-Key {KEY}"}
        url = f"ws://{open_address}/v1/audio/speech/stream"
        async with websockets.connect(
            url, additional_headers=headers, compression=None
        ) as connection:
            await connection.send(json.dumps(config))
            first = await turn(connection, ["Good ", "morning", "."])
            sound.assert_speech(sound.samples(first))
            assert await turn(connection, []) == b""
            second = await turn(connection, ["How are you?"])
            sound.assert_speech(sound.samples(second))
            await connection.send(json.dumps({"type": "session.close"}))

    asyncio.run(converse())
