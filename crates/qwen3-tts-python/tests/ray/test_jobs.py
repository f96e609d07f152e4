"""Jobs of rows on Ray."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from qwen3_tts import InvalidRequestError
from qwen3_tts._jobs.identity import derived_seed
from qwen3_tts._jobs.records import journals, lines

pytest.importorskip("ray.data", reason='Ray is not installed: pip install "qwen3-tts[ray]"')

import ray.data
from qwen3_tts.ray import Audio, Pool, speak_rows
from qwen3_tts.ray.__main__ import main

pytestmark = pytest.mark.usefixtures("cluster")
TWO = Pool(actors=2, threads=1)


def manifest(output):
    return list(lines(output / "manifest.jsonl"))


def check_audio(output, rows, tts):
    """Checks that each row is in the manifest once, with the audio that it has alone."""
    records = manifest(output)
    assert [record["id"] for record in records] == [row["id"] for row in rows]
    for row, record in zip(rows, records, strict=True):
        seed = row.get("seed", derived_seed(0, row["id"]))
        alone = tts.speak(row["text"], speaker=row["speaker"], seed=seed)
        assert (output / record["file"]).read_bytes() == alone.to_bytes("wav"), record


def times(output):
    return {path.name: path.stat().st_mtime_ns for path in output.glob("*.wav")}


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


def with_results(output, least):
    """Returns a journal with at least this number of results, or None."""
    return next((it for it in journals(output) if sum(1 for _ in lines(it)) >= least), None)


def process_of(journal):
    return int(journal.stem.rsplit("-", 1)[1])


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_row_is_spoken_once_though_an_actor_dies(tmp_path, rows, tts):
    reports = []
    job = threading.Thread(
        target=lambda: reports.append(
            speak_rows(rows, tmp_path, pool=Pool(actors=2, threads=1, rows_per_batch=25))
        )
    )
    job.start()
    killed = wait_for(lambda: with_results(tmp_path, 5))
    before = sum(1 for path in journals(tmp_path) for _ in lines(path))
    os.kill(process_of(killed), signal.SIGKILL)
    owner = killed.name.split("-")[1]
    wait_for(lambda: len(list(killed.parent.glob(f"journal-{owner}-*.jsonl"))) == 2)
    job.join()
    assert before < 150, "the actor died too late to test anything"
    (report,) = reports
    assert (report.rows, report.spoken, report.kept, report.failed) == (200, 200, 0, 0)
    check_audio(tmp_path, rows, tts)
    assert sorted(os.listdir(tmp_path)) == sorted(["manifest.jsonl", *times(tmp_path)])


def command(*arguments):
    return [sys.executable, "-m", "qwen3_tts.ray", *map(str, arguments)]


def test_a_killed_job_speaks_the_rest_when_it_is_run_again(tmp_path, rows, tts, cluster):
    path, output = tmp_path / "rows.jsonl", tmp_path / "out"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--actors", 2, "--threads-per-actor", 1, "--address", cluster]
    with subprocess.Popen(command(path, "--output", output, *options)) as job:
        wait_for(lambda: with_results(output, 20))
        job.kill()
    # Ray ends the actors of a driver that died.
    wait_for(lambda: not any(is_alive(process_of(it)) for it in journals(output)))
    before = times(output)
    assert 20 <= len(before) < 200
    again = subprocess.run(command(path, "-o", output, *options), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    after = times(output)
    kept = [name for name in before if after[name] == before[name]]
    assert f"{200 - len(kept)} of 200 spoken, {len(kept)} kept" in again.stderr
    # A row of which the job had written the file, but not yet the result, is spoken again.
    assert len(kept) >= len(before) - 2 * Pool().together
    check_audio(output, rows, tts)


def test_what_has_changed_is_spoken_again(tmp_path, rows, tts):
    rows = rows[:12]
    assert speak_rows(rows, tmp_path, pool=TWO).spoken == 12
    assert speak_rows(rows, tmp_path, pool=TWO).kept == 12
    before = times(tmp_path)
    rows[3] = {**rows[3], "text": "It is another text."}
    rows[4] = {**rows[4], "seed": 99}
    (tmp_path / "row-007.wav").unlink()
    (tmp_path / "row-008.wav").write_bytes(b"damaged")
    report = speak_rows(rows, tmp_path, pool=TWO)
    assert (report.spoken, report.kept) == (4, 8)
    after = times(tmp_path)
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {f"row-{n:03}.wav" for n in (3, 4, 7, 8)}
    check_audio(tmp_path, rows, tts)
    # Rows that a job does not have are kept in the manifest.
    more = [{"id": "more", "text": "One more.", "file": "ROW-001.wav"}]
    assert speak_rows(more, tmp_path, pool=TWO).spoken == 1
    ids = [record["id"] for record in manifest(tmp_path)]
    assert sorted(ids) == sorted(["more", *(row["id"] for row in rows if row["id"] != "row-001")])


def test_rows_fail_alone_and_are_tried_again(tmp_path, tts):
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"id": "a", "text": "Good morning."}\n'
        '{"id": "b", "text": "Good morning.", "speaker": "nobody"}\n'
        "no JSON\n"
        '{"id": "d", "text": "Good night.", "file": "../d.wav"}\n'
        '{"id": "e", "text": "Good night."}\n'
    )
    report = speak_rows(path, tmp_path / "out", pool=TWO, audio=Audio("flac"))
    assert (report.rows, report.spoken, report.failed) == (5, 2, 3)
    records = manifest(tmp_path / "out")
    assert [record["status"] for record in records] == ["ok", "failed", "failed", "failed", "ok"]
    assert {record.get("error_kind") for record in records} == {None, "invalid_request"}
    path.write_text(path.read_text().replace("nobody", "mina"))
    report = speak_rows(path, tmp_path / "out", pool=TWO, audio=Audio("flac"))
    assert (report.spoken, report.kept, report.failed) == (1, 2, 2)


def test_datasets_and_parquet_are_rows(tmp_path, rows, tts):
    rows = [{**row, "seed": n} for n, row in enumerate(rows[:8])]
    dataset = ray.data.from_items(rows)
    assert speak_rows(dataset, tmp_path / "one", pool=TWO).spoken == 8
    dataset.write_parquet(str(tmp_path / "rows"))
    assert speak_rows(tmp_path / "rows", tmp_path / "two", pool=TWO).spoken == 8
    for output in (tmp_path / "one", tmp_path / "two"):
        by_id = {record["id"]: record for record in manifest(output)}
        ordered = [row for row_id in by_id for row in rows if row["id"] == row_id]
        check_audio(output, ordered, tts)


def test_the_exit_status_tells_of_failures(tmp_path, cluster):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "Good morning."}\n{"text": "Good morning.", "sed": 1}\n')
    options = ["-o", tmp_path / "out", "--address", cluster, "--actors", 1, "--format", "opus"]
    failed = subprocess.run(command(path, *options), capture_output=True, text=True)
    assert failed.returncode == 1 and "1 of 2 spoken, 1 failed" in failed.stderr
    assert (tmp_path / "out" / "00001.opus").exists()
    for wrong, word in (
        ([tmp_path / "none.jsonl"], "not found"),
        ([path, path], "expected one file of rows"),
        ([tmp_path / "rows.doc"], "expected a file .jsonl"),
        ([path, "--together", 0], "together is 0"),
    ):
        refused = subprocess.run(command(*wrong, *options), capture_output=True, text=True)
        assert refused.returncode == 2 and word in refused.stderr.splitlines()[-1]
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("name", ["rows.jsonl", "chapter.txt"])
def test_a_model_that_is_not_there_ends_the_job(tmp_path, capsys, name):
    (tmp_path / name).write_text('{"text": "Good morning."}\n')
    arguments = [tmp_path / name, "-o", tmp_path / "out", "--model", tmp_path / "none-such"]
    assert main(list(map(str, arguments))) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("qwen3_tts.ray: ") and "NotFoundError: there is no directory" in said


def test_pools_that_do_not_fit_are_refused(tmp_path):
    for numbers, word in (
        ({"actors": 0}, "actors is 0"),
        ({"together": 0}, "together is 0"),
        ({"actors": (2, 1)}, "the least and the most"),
    ):
        with pytest.raises(InvalidRequestError, match=word):
            Pool(**numbers)
    with pytest.raises(InvalidRequestError, match="no machine of this Ray cluster has 64 CPUs"):
        speak_rows([{"id": 1, "text": "Hi."}], tmp_path, pool=Pool(threads=64))
    sized = Pool().sized()
    assert (sized.least, sized.most, sized.threads) == (1, 1, 2)
    sized = Pool(threads=1).sized()
    assert (sized.least, sized.most, sized.threads) == (2, 2, 1)
    assert sized.batch_size(10_000) == 32 and sized.batch_size(8) == 1
