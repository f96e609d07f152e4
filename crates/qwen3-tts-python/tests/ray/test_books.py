"""Books on Ray."""

import os

import pytest
from qwen3_tts._jobs.names import STATE
from qwen3_tts._jobs.records import lines

pytest.importorskip("ray.data", reason='Ray is not installed: pip install "qwen3-tts[ray]"')

from qwen3_tts import InvalidRequestError, NotFoundError
from qwen3_tts.ray import Audio, Pool, speak_book
from qwen3_tts.ray.__main__ import main

pytestmark = pytest.mark.usefixtures("cluster")
TWO = Pool(actors=2, threads=1)
CHAPTERS = {
    "one": "\n\n".join(f"This is paragraph {n}. It has two sentences." for n in range(1, 9)),
    "two": "The wind rose. Nobody answered.\n\nIt rained, and it went on and on.",
    "three": "  The end.\n",
}


def check(output, chapters, tts, ending, **options):
    """Checks that each chapter is the speech of one process, with the seed of the manifest."""
    records = list(lines(output / "manifest.jsonl"))
    assert [record["id"] for record in records] == list(chapters)
    for record in records:
        whole = tts.speak(chapters[record["id"]], seed=record["seed"], **options)
        assert (output / record["file"]).read_bytes() == whole.to_bytes(ending)
        assert record["pieces"] == len(whole.pieces)
        assert record["audio_seconds"] == whole.duration
        assert record["frames"] == len(whole.codes)
    assert sorted(os.listdir(output)) == sorted(["manifest.jsonl", *(f"{c}.{ending}" for c in chapters)])


@pytest.mark.parametrize("ending", ["flac", "opus"])
def test_a_book_is_what_one_process_speaks(tmp_path, tts, ending):
    options = {"speaker": "mina", "paragraph_pause": 0.3}
    report = speak_book(CHAPTERS, tmp_path, pool=TWO, audio=Audio(ending), defaults=options)
    assert (report.rows, report.spoken, report.kept, report.failed) == (3, 3, 0, 0)
    check(tmp_path, CHAPTERS, tts, ending, **options)


def test_a_clause_is_cut_between_words_without_a_pause(tmp_path, tts):
    chapters = {"words": "and " * 40 + "then, at last, it stopped. It was late."}
    options = {"piece_tokens": 8, "clause_pause": 0.5}
    pauses = {piece.pause_seconds for piece in tts.speak(chapters["words"], **options).pieces}
    assert {0.0, 0.5} <= pauses
    speak_book(chapters, tmp_path, pool=TWO, defaults=options)
    check(tmp_path, chapters, tts, "wav", **options)


def test_chapters_that_are_complete_are_kept(tmp_path, tts):
    speak_book(CHAPTERS, tmp_path, pool=TWO)
    before = {name: (tmp_path / f"{name}.wav").stat().st_mtime_ns for name in CHAPTERS}
    chapters = {**CHAPTERS, "two": CHAPTERS["two"] + " One more sentence."}
    report = speak_book(chapters, tmp_path, pool=TWO)
    assert (report.spoken, report.kept) == (1, 2)
    changed = [name for name in CHAPTERS if (tmp_path / f"{name}.wav").stat().st_mtime_ns != before[name]]
    assert changed == ["two"]
    check(tmp_path, chapters, tts, "wav")


def test_a_chapter_fails_alone_and_its_pieces_are_kept(tmp_path, tts):
    chapters = {"one": CHAPTERS["one"], "empty": " \n", "manifest.jsonl": "x", "broken": CHAPTERS["two"]}
    # A folder is where a piece belongs.
    piece = tmp_path / STATE / "pieces" / "broken" / "00001.pcm"
    piece.mkdir(parents=True)
    report = speak_book(chapters, tmp_path, pool=TWO)
    assert (report.spoken, report.failed) == (1, 3)
    records = {record["id"]: record for record in lines(tmp_path / "manifest.jsonl")}
    assert "no text" in records["empty"]["error"] and "piece broken/00001" in records["broken"]["error"]
    assert records["manifest.jsonl"]["error_kind"] == "invalid_request"
    other = piece.with_name("00000.pcm")
    before = other.stat().st_mtime_ns
    piece.rmdir()
    report = speak_book({"one": chapters["one"], "broken": chapters["broken"]}, tmp_path, pool=TWO)
    assert (report.spoken, report.kept, report.failed) == (1, 1, 0)
    check(tmp_path, {"one": chapters["one"], "broken": chapters["broken"]}, tts, "wav")
    assert before < (tmp_path / "broken.wav").stat().st_mtime_ns and not other.exists()


def test_text_files_are_chapters(tmp_path, tts, capsys):
    for name, text in CHAPTERS.items():
        (tmp_path / f"{name}.txt").write_text(text)
    options = ["--actors", "2", "--threads-per-actor", "1", "--format", "flac"]
    assert main([str(tmp_path), "-o", str(tmp_path / "out"), *options]) == 0
    check(tmp_path / "out", {name: CHAPTERS[name] for name in ("one", "three", "two")}, tts, "flac")
    with pytest.raises(NotFoundError, match="not found"):
        speak_book([tmp_path / "none.txt"], tmp_path / "out")
    (tmp_path / "latin.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InvalidRequestError, match="not UTF-8"):
        speak_book([tmp_path / "latin.txt"], tmp_path / "out")
    with pytest.raises(InvalidRequestError, match="two chapters"):
        speak_book([tmp_path / "one.txt", tmp_path / "one.txt"], tmp_path / "out")
    with pytest.raises(InvalidRequestError, match="markup"):
        speak_book(CHAPTERS, tmp_path / "out", defaults={"markup": True})
