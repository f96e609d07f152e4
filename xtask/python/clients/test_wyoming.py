"""The package `wyoming`, used as Home Assistant's integration uses it."""

import asyncio

import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

import sound

# Home Assistant waits this long for the description.
INFO_TIMEOUT = 1.0
# Longer than any answer to these texts; without it a missing event would block forever.
PATIENCE = 30.0


async def describe(address) -> Info:
    """Asks for the description of the service."""
    async with AsyncTcpClient(*address) as client, asyncio.timeout(INFO_TIMEOUT):
        await client.write_event(Describe().event())
        while True:
            event = await client.read_event()
            assert event is not None, "the connection was closed"
            if Info.is_type(event.type):
                return Info.from_event(event)


async def speak(address, text: str, voice: SynthesizeVoice | None = None) -> bytes:
    """Speaks a whole text. Home Assistant leaves at audio-stop and ignores audio-start."""
    audio = b""
    async with AsyncTcpClient(*address) as client, asyncio.timeout(PATIENCE):
        await client.write_event(Synthesize(text=text, voice=voice).event())
        while True:
            event = await client.read_event()
            assert event is not None, "the connection was closed"
            if AudioStop.is_type(event.type):
                return audio
            if AudioChunk.is_type(event.type):
                chunk = AudioChunk.from_event(event)
                assert (chunk.rate, chunk.width, chunk.channels) == (sound.RATE, 2, 1)
                audio += chunk.audio


async def stream(address, pieces: list[str], voice: SynthesizeVoice | None = None) -> list:
    """Speaks a text that comes in pieces, and returns the events up to synthesize-stopped."""
    events = []
    async with AsyncTcpClient(*address) as client, asyncio.timeout(PATIENCE):

        async def write() -> None:
            await client.write_event(SynthesizeStart(voice=voice).event())
            for piece in pieces:
                await client.write_event(SynthesizeChunk(text=piece).event())
                await asyncio.sleep(0.01)
            # The whole text once more, for services that do not stream: not to be spoken twice.
            await client.write_event(Synthesize(text="".join(pieces), voice=voice).event())
            await client.write_event(SynthesizeStop().event())

        writer = asyncio.create_task(write())
        while event := await client.read_event():
            events.append(event)
            if SynthesizeStopped.is_type(event.type):
                await writer
                return events
    raise AssertionError("the connection was closed before synthesize-stopped")


def audio_of(events: list) -> bytes:
    """Returns the audio of a stream, of which Home Assistant reads the chunks after audio-start."""
    kinds = [event.type for event in events]
    assert AudioStart.is_type(kinds[0])
    start = AudioStart.from_event(events[0])
    assert (start.rate, start.width, start.channels) == (sound.RATE, 2, 1)
    chunks = [AudioChunk.from_event(event) for event in events if AudioChunk.is_type(event.type)]
    return b"".join(chunk.audio for chunk in chunks)


def test_description_has_what_home_assistant_reads(wyoming_address):
    info = asyncio.run(describe(wyoming_address))
    assert not info.asr and not info.wake and info.satellite is None
    program = next(program for program in info.tts if program.installed)
    assert program.name and program.supports_synthesize_streaming
    assert program.attribution.name and program.attribution.url
    voices = [voice for voice in program.voices if voice.installed]
    assert voices
    for voice in voices:
        assert voice.name and voice.languages
        # Home Assistant matches languages with those of its assistants, which are BCP 47.
        assert all(2 <= len(language.split("-")[0]) <= 3 for language in voice.languages)
    assert "en" in {language.split("-")[0] for voice in voices for language in voice.languages}


def test_speaks_a_text(wyoming_address):
    audio = asyncio.run(speak(wyoming_address, "Good morning."))
    sound.assert_speech(sound.samples(audio))


def test_every_voice_that_is_described_speaks(wyoming_address):
    info = asyncio.run(describe(wyoming_address))
    names = [voice.name for voice in info.tts[0].voices][:6]
    for name in names:
        audio = asyncio.run(speak(wyoming_address, "Yes.", SynthesizeVoice(name=name)))
        sound.assert_speech(sound.samples(audio), least=0.1)


def test_streams_a_text_that_comes_in_pieces(wyoming_address):
    pieces = ["Good mor", "ning. How ", "are you", " today? I am", " well."]
    audio = audio_of(asyncio.run(stream(wyoming_address, pieces)))
    sound.assert_speech(sound.samples(audio))


def test_streamed_text_is_spoken_once(wyoming_address):
    pieces = ["Good morning. ", "How are you today?"]
    once = audio_of(asyncio.run(stream(wyoming_address, pieces)))
    whole = asyncio.run(speak(wyoming_address, "".join(pieces)))
    assert len(once) < 1.6 * len(whole)


def test_connection_serves_one_text_after_another(wyoming_address):
    async def twice() -> list[bytes]:
        results = []
        async with AsyncTcpClient(*wyoming_address) as client, asyncio.timeout(PATIENCE):
            for text in ["Good morning.", "Good night."]:
                await client.write_event(Synthesize(text=text).event())
                audio = b""
                while not AudioStop.is_type((event := await client.read_event()).type):
                    if AudioChunk.is_type(event.type):
                        audio += AudioChunk.from_event(event).audio
                results.append(audio)
        return results

    for audio in asyncio.run(twice()):
        sound.assert_speech(sound.samples(audio))


def test_nothing_to_say_is_answered(wyoming_address):
    events = asyncio.run(stream(wyoming_address, []))
    assert SynthesizeStopped.is_type(events[-1].type)


def test_unknown_voice_is_an_error(wyoming_address):
    async def ask() -> str:
        async with AsyncTcpClient(*wyoming_address) as client, asyncio.timeout(PATIENCE):
            voice = SynthesizeVoice(name="nobody")
            await client.write_event(Synthesize(text="Good morning.", voice=voice).event())
            event = await client.read_event()
            return event.type, event.data

    kind, data = asyncio.run(ask())
    assert kind == "error" and "nobody" in data["text"]


@pytest.mark.parametrize("line", [b"hello\n", b"{\n", b'{"type":1}\n', b"[]\n", b'{"type":"x"}\n'])
def test_nonsense_harms_nobody(wyoming_address, line):
    async def send() -> None:
        reader, writer = await asyncio.open_connection(*wyoming_address)
        writer.write(line)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            await reader.read()
        writer.close()

    asyncio.run(send())
    assert asyncio.run(describe(wyoming_address)).tts
