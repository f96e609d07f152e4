"""Speaking rows and joining pieces in one process, without Ray."""

import os
import tracemalloc

import numpy as np
import pytest
from qwen3_tts._jobs import book
from qwen3_tts._jobs.book import Chapter, Piece
from qwen3_tts._jobs.plan import Job, plan
from qwen3_tts._jobs.rows import rows_of
from qwen3_tts._jobs.settings import Audio, Model
from qwen3_tts._jobs.speaker import Speaker

WAV = Audio()


def speaker(output, owner="one", audio=WAV, together=3):
    return Speaker(Job(Model(), audio, {}, 0), output, owner=owner, threads=2, together=together)


def requests(rows, output, audio=WAV):
    return plan(rows_of(rows), output, Job(Model(), audio, {}, 0), {}).todo


def test_a_row_is_spoken_as_alone(tmp_path, rows, tts):
    todo = requests(rows[:20], tmp_path)
    records = speaker(tmp_path).speak(todo)
    for row, request, record in zip(rows, todo, records, strict=False):
        alone = tts.speak(row["text"], speaker=row["speaker"], seed=request.seed)
        content = (tmp_path / record["file"]).read_bytes()
        assert content == alone.to_bytes("wav") and record["bytes"] == len(content)
        assert record["id"] == row["id"] and record["seed"] == alone.seed
        assert record["audio_seconds"] == alone.duration and record["frames"] == len(alone.codes)


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "aac", "opus", "pcm"])
def test_a_file_is_that_of_save(tmp_path, tts, format):
    audio = Audio(format, sample_rate=16000)
    text = "The wind rose. Nobody answered, and it went on. " * 3
    (request,) = requests([{"id": "a", "text": text, "piece_tokens": 9, "seed": 1}], tmp_path, audio)
    (record,) = speaker(tmp_path, audio=audio).speak([request])
    tts.speak(text, seed=1, piece_tokens=9).save(tmp_path / f"b.{format}", sample_rate=16000)
    assert record["pieces"] > 1
    assert (tmp_path / f"a.{format}").read_bytes() == (tmp_path / f"b.{format}").read_bytes()


def test_a_row_fails_alone(tmp_path):
    (tmp_path / "c.wav").mkdir()
    (tmp_path / "not.voice").write_text("no voice")
    rows = [
        {"id": "a", "text": "Good morning."},
        {"id": "b", "text": "Good morning.", "speaker": "nobody"},
        {"id": "c", "text": "Good morning."},
        {"id": "d", "text": "Good morning.", "voice": str(tmp_path / "not.voice")},
        {"id": "e", "text": "\ud800"},
        {"id": "f", "text": "Good morning.", "temperature": -1.0},
        {"id": "g", "text": "Good morning."},
    ]
    records = speaker(tmp_path).speak(requests(rows, tmp_path))
    assert [record["status"] for record in records] == ["ok", *["failed"] * 5, "ok"]
    kinds = [record.get("error_kind") for record in records[1:6]]
    assert kinds == ["invalid_request", "io", "invalid_request", "invalid_request", "invalid_request"]
    assert "nobody" in records[1]["error"] and "not.voice" in records[3]["error"]
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_rows_of_a_process_that_died_are_not_spoken_again(tmp_path, rows):
    todo = requests(rows[:6], tmp_path)
    first = speaker(tmp_path).speak(todo[:4])
    times = {record["id"]: (tmp_path / record["file"]).stat().st_mtime_ns for record in first}
    # The file of one is gone, and another row has changed since.
    (tmp_path / first[1]["file"]).unlink()
    todo[2] = requests([{**rows[2], "text": "It is another one."}], tmp_path)[0]
    second = speaker(tmp_path, "two").speak(todo)
    assert [record["id"] for record in second] == [request.id for request in todo]
    same = [times.get(record["id"]) == (tmp_path / record["file"]).stat().st_mtime_ns for record in second]
    assert same == [True, False, False, True, False, False]
    assert second[0] == first[0] and second[3] == first[3]


def test_more_rows_than_places_wait(tmp_path):
    rows = [{"id": n, "text": "Good morning."} for n in range(90)]
    records = speaker(tmp_path, together=2).speak(requests(rows, tmp_path))
    assert {record["status"] for record in records} == {"ok"}


def test_rows_with_voices(tmp_path, tts):
    tone = np.sin(np.arange(48_000) / 20).astype(np.float32) * 0.3
    voice = tts.clone_voice((tone, 24_000))
    voice.save(tmp_path / "a.voice")
    row = {"text": "Good morning.", "seed": 1, "voice": str(tmp_path / "a.voice")}
    records = speaker(tmp_path).speak(requests([{"id": "a", **row}], tmp_path))
    assert records[0]["status"] == "ok", records
    expected = tts.speak("Good morning.", voice=voice, seed=1).to_bytes()
    assert (tmp_path / "a.wav").read_bytes() == expected


BOOK = (
    "It was late. The wind rose, and the old house creaked.\n\n***\n\n"
    '"Who is there?" she asked. Nobody answered; only the rain, which had begun at noon, went on.\n \n'
    "Then a knock. And another one!\n"
)


SENTENCES = {"each_sentence": True, "sentence_pause": 0.4}


@pytest.mark.parametrize("options", [{}, {"piece_tokens": 24}, SENTENCES])
def test_joined_pieces_are_the_speech_of_the_whole_text(tmp_path, tts, options):
    for name, text in (("book", BOOK), ("short", "  Good morning. ")):
        settings = Job(Model(), Audio("flac"), options, 7)
        chapter = book.split_chapter(tts, name, text, settings)
        pieces = Job(Model(), book.PIECES, book.piece_defaults(options), 7)
        todo = plan(chapter.rows(options), tmp_path, pieces, {}).todo
        records = Speaker(pieces, tmp_path, owner="one", threads=1, together=4).speak(todo)
        files = [tmp_path / record["file"] for record in records]
        joined = book.join(chapter, files, tmp_path / f"{name}.flac", settings.audio, tts.sample_rate)
        whole = tts.speak(text, seed=chapter.seed, **options)
        assert [piece.pause_seconds for piece in whole.pieces] == [piece.pause for piece in chapter.pieces]
        assert (tmp_path / f"{name}.flac").read_bytes() == whole.to_bytes("flac")
        assert joined["samples"] == whole.n_samples


def test_joining_needs_little_memory(tmp_path):
    n_pieces, n_samples = 40, 1_000_000
    piece = tmp_path / "piece.pcm"
    (np.arange(n_samples) % 1000 / 1000).astype("<f4").tofile(piece)
    chapter = Chapter("a", 0, [Piece("", 0.5)] * n_pieces)
    tracemalloc.start()
    joined = book.join(chapter, [piece] * n_pieces, tmp_path / "a.wav", Audio(), 24_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert joined["samples"] == n_pieces * (n_samples + 12_000)
    assert (tmp_path / "a.wav").stat().st_size == joined["bytes"] == 44 + 2 * joined["samples"]
    assert peak < 8 << 20
