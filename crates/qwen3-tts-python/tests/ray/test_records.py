"""Manifests, journals and files that are complete or absent, without Ray."""

import json
import os
import subprocess
import sys

import pytest
from qwen3_tts import InternalError, InvalidRequestError, IoError
from qwen3_tts._jobs.output import claimed, earlier_results, remove_journals
from qwen3_tts.part_file import PartFile, sweep
from qwen3_tts._jobs.records import Journal, Manifest, as_line, check_lives, failed, journals, latest, lines


def record(row, status="ok", **more):
    return {"id": row, "status": status, "file": f"{row}.wav", **more}


def test_a_row_is_in_the_manifest_once_and_in_order(tmp_path):
    path = tmp_path / "manifest.jsonl"
    path.write_text("an older one")
    manifest = Manifest(path, [record("other"), record("c")])
    assert manifest.add(record("b")) and manifest.add(record("a", "failed"))
    assert not manifest.add(record("b", n=2)) and not manifest.add(record("c", n=2))
    # It is complete at any time.
    assert [row["id"] for row in lines(path)] == ["other", "c", "b", "a"]
    manifest.finish(["a", "b", "c", "never spoken"])
    assert list(lines(path)) == [record("other"), record("a", "failed"), record("b"), record("c")]
    assert os.listdir(tmp_path) == ["manifest.jsonl"]


def test_a_line_that_was_cut_off_is_no_result(tmp_path):
    path = tmp_path / "manifest.jsonl"
    first, second = as_line(record("a")), as_line(record("b"))
    for end in range(len(second) - 1):
        path.write_bytes(first + second[:end])
        assert [row["id"] for row in lines(path)] == ["a"]
    path.write_bytes(first + second)
    assert [row["id"] for row in lines(path)] == ["a", "b"]


def test_results_survive_their_process(tmp_path):
    journal = Journal(tmp_path, "actor")
    journal.begin("a")
    journal.add(record("a", n=1))
    journal.add(record("b", "failed"))
    journal.add(record("a", n=2))
    assert latest(journals(tmp_path)) == {"a": record("a", n=2)}
    assert str(os.getpid()) in journals(tmp_path)[0].stem.split("-")
    Manifest(tmp_path / "manifest.jsonl", [record("a", n=0), record("c")]).finish([])
    assert earlier_results(tmp_path) == {"a": record("a", n=2), "c": record("c")}
    remove_journals(tmp_path)
    assert earlier_results(tmp_path) == {"a": record("a", n=0), "c": record("c")}


def test_a_manifest_of_the_command_is_not_overwritten(tmp_path):
    (tmp_path / "manifest.jsonl").write_text('{"line": 1, "file": "00001.wav", "status": "ok"}\n')
    with pytest.raises(InvalidRequestError, match="choose another output"):
        earlier_results(tmp_path)


def test_processes_that_die_again_and_again_end_the_job(tmp_path):
    for n in range(4):
        Journal(tmp_path, "one").begin(f"row {n}")
        check_lives(tmp_path, "one")
    Journal(tmp_path, "one").begin("the wrong row")
    check_lives(tmp_path, "another")
    with pytest.raises(InternalError, match="5 times .* speaking 'the wrong row'"):
        check_lives(tmp_path, "one")
    Journal(tmp_path, "one").add(record("a"))
    check_lives(tmp_path, "one")


def test_text_without_an_encoding_is_in_a_manifest_too():
    for text in ("Grüße", "\ud800"):
        assert json.loads(as_line({"text": text})) == {"text": text}
    assert "Grüße".encode() in as_line({"text": "Grüße"})


def test_errors_have_kinds():
    kinds = [
        (InvalidRequestError("a"), "invalid_request"),
        (IoError("a"), "io"),
        (InternalError("a"), "internal"),
        (PermissionError("a"), "io"),
        (TypeError("a"), "invalid_request"),
        (ZeroDivisionError(), "internal"),
    ]
    for error, kind in kinds:
        found = failed("a", None, error, {})
        assert found["error_kind"] == kind and found["error"]


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "a.wav"
    with PartFile(tmp_path) as part:
        part.file.write(b"half")
        part.file.flush()
        assert not path.exists()
        sweep(tmp_path)
        part.file.write(b" whole")
        part.persist(path)
    assert path.read_bytes() == b"half whole"
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    with pytest.raises(KeyError), PartFile(tmp_path) as part:
        part.file.write(b"other")
        raise KeyError
    assert os.listdir(tmp_path) == ["a.wav"] and path.read_bytes() == b"half whole"


def test_files_of_killed_processes_are_removed_and_no_others(tmp_path):
    kept = [".qwen3-tts-notes.part", ".a.wav.7.part", ".qwen3-tts-0123456789.wav"]
    for name in (*kept, ".qwen3-tts-0123456789.part"):
        (tmp_path / name).write_text("half")
    sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_a_directory_belongs_to_one_job(tmp_path):
    code = (
        "import sys, pathlib; from qwen3_tts._jobs.output import claimed\n"
        "with claimed(pathlib.Path(sys.argv[1])): print('mine')"
    )
    other = [sys.executable, "-c", code, str(tmp_path / "out")]
    with claimed(tmp_path / "out"):
        refused = subprocess.run(other, capture_output=True, text=True)
        assert "another job writes to" in refused.stderr
    assert subprocess.run(other, capture_output=True, text=True).stdout == "mine\n"
    assert os.listdir(tmp_path / "out") == []
    (tmp_path / "file").write_text("")
    with pytest.raises(IoError, match="cannot write"), claimed(tmp_path / "file"):
        pass
