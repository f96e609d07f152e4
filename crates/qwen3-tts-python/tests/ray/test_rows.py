"""Rows, their names, their identities and the plan of a job, without Ray."""

import hashlib
import json

import numpy as np
import pytest
from qwen3_tts import InvalidRequestError, NotFoundError, SpeakOptions
from qwen3_tts._jobs.identity import derived_seed, digest, model_identity
from qwen3_tts._jobs.names import Names
from qwen3_tts._jobs.plan import Job, plan
from qwen3_tts._jobs.request import FIELDS, Request, checked_defaults
from qwen3_tts._jobs.rows import json_lines, rows_of
from qwen3_tts._jobs.settings import Audio, Model

WAV = Audio()
BUILT_IN = Model()


def job(audio=WAV, seed=0, model=BUILT_IN, **defaults):
    return Job(model, audio, checked_defaults(defaults), seed)


def planned(rows, output, settings=None):
    return plan(rows_of(rows), output, settings or job(), {})


def request(row, output, settings=None) -> Request:
    result = planned([{"id": "a", "text": "Hi.", **row}], output, settings)
    assert not result.failed, result.failed
    return result.todo[0]


def test_a_name_is_taken_once_whatever_its_case():
    names = Names()
    for name in ("a.wav", "b/a.wav", "./c/d/e.wav", "Ä.wav"):
        names.take(name, "one")
    for name, word in (
        ("a.wav", "'one' writes too"),
        ("A.WAV", "'one' writes too"),
        ("B//a.wav", "'one' writes too"),
        ("b/./A.wav", "'one' writes too"),
        ("ä.wav", "'one' writes too"),
        ("a\u0308.wav", "'one' writes too"),
        ("a.wav/b.wav", "its folder's name"),
        ("C/D", "a folder of another row"),
    ):
        with pytest.raises(InvalidRequestError, match=word):
            names.take(name, "two")
    names.take("b/c.wav", "two")


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "/a.wav", "..", "../a.wav", "a/../../b.wav", "a/..", "a/", ".", "./", "a\\b.wav", "a\0.wav",
        "manifest.jsonl", "MANIFEST.JSONL", "manifest-1-of-2.jsonl", "manifest-1-of-2.jsonl/a.wav",
        ".qwen3-tts-job/a.wav", "b/.qwen3-tts-0123456789.part", "a" * 252 + ".wav", "\ud800.wav",
    ],
)  # fmt: skip
def test_names_stay_below_the_directory(name):
    with pytest.raises(InvalidRequestError, match="`file` is "):
        Names().take(name, "one")


def test_rows_that_cannot_be_spoken_fail_alone(tmp_path):
    wrong = [
        ({"txt": "Hi."}, "no field `txt`; did you mean `text`"),
        ({"text": "Hi.", "seed": -1}, "`seed`: expected a whole number"),
        ({"text": "Hi.", "seed": "1"}, "`seed`: expected a whole number"),
        ({"text": "Hi.", "markup": 1}, "`markup`: expected true or false"),
        ({"text": 5}, "`text`: expected a text"),
        ({"text": ""}, "no `text` to speak"),
        ({"text": None}, "no `text` to speak"),
        ({"text": "Hi.", "file": "../a.wav"}, "a folder in it"),
        ({"text": "Hi.", "file": "GOOD.wav"}, "'good' writes too"),
        ({"text": "Hi.", "file": "a.xyz"}, "xyz"),
        ({"text": "Hi.", "file": "a"}, "ends with .wav"),
        ({"text": "Hi.", "file": "b.wav", "format": "wav"}, "leave out `format`"),
        ({"text": "Hi.", "speaker": "arlo", "voice": "a.voice"}, "at most one of"),
        ({"text": "Hi.", "ref_text": "Hi."}, "add `ref_audio`"),
        ({"text": "Hi.", "x_vector_only": True}, "needs a cloned voice"),
        ({"text": "Hi.", "greedy": True, "top_k": 5}, "`greedy` cannot"),
        ({"text": "Hi.", "voice": str(tmp_path / "none.voice")}, "not found"),
    ]
    rows = [{"id": "good", "text": "Hi."}]
    rows += [{"id": n, **row} for n, (row, _) in enumerate(wrong)]
    result = planned(rows, tmp_path)
    assert [request.id for request in result.todo] == ["good"]
    for (_, word), record in zip(wrong, result.failed, strict=True):
        assert word in record["error"], record
        assert record["status"] == "failed"
        assert record["error_kind"] == ("not_found" if word == "not found" else "invalid_request")


def test_rows_have_the_options_of_speech():
    # Rows have `streaming_text` of the command; the others do not change the audio.
    without = {"non_streaming_mode", "together", "first_chunk", "max_chunk", "buffered_chunks"}
    assert SpeakOptions.__optional_keys__ - FIELDS.keys() == without
    others = {"text", "file", "format", "streaming_text", "ref_audio", "ref_text", "x_vector_only"}
    assert FIELDS.keys() - SpeakOptions.__optional_keys__ == others


def test_ids_are_unique_and_there(tmp_path):
    with pytest.raises(InvalidRequestError, match="'a' is there twice"):
        planned([{"id": "a", "text": "1"}, {"id": "a", "text": "2"}], tmp_path)
    for value in (None, "", True, 0.5):
        with pytest.raises(InvalidRequestError, match="row 2: expected an `id`"):
            planned([{"id": 1, "text": "1"}, {"id": value, "text": "2"}], tmp_path)


def test_values_of_tables_are_plain(tmp_path):
    row = {"id": np.int64(7), "text": "Hi.", "seed": np.uint64(2**64 - 1), "top_k": 5.0}
    row |= {"top_p": np.float32(0.5), "temperature": float("nan"), "speaker": None, "markup": np.bool_(True)}
    found = planned([row], tmp_path).todo[0]
    assert found.id == "7" and found.seed == 2**64 - 1
    assert found.options() == {"seed": 2**64 - 1, "top_k": 5, "top_p": 0.5, "markup": True}


def test_json_lines_have_numbers_and_ids(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = ['\ufeff{"text": "One."}', ""]
    lines += ['{"id": "b", "text": "Two."}', "[1]", '{"a": 1,', '{"a": 1, "a": 2}']
    path.write_text("\n".join(lines), "utf-8")
    found = list(json_lines(path))
    assert [row.id for row in found] == ["00001", "b", "00004", "00005", "00006"]
    assert found[0].values == {"text": "One."}
    errors = [row.error for row in found]
    assert errors[:2] == [None, None]
    assert "line 4: expected a JSON object" in errors[2]
    assert "line 5:" in errors[3] and "`a` is there twice" in errors[4]
    with pytest.raises(NotFoundError, match="not found"):
        list(json_lines(tmp_path / "none.jsonl"))


def test_a_seed_is_derived_from_the_id_and_the_job(tmp_path):
    seeds = {(job, row): derived_seed(job, row) for job in (0, 1) for row in ("a", "b", "1\na")}
    assert len(set(seeds.values())) == len(seeds)
    assert all(0 <= seed < 2**53 for seed in seeds.values())
    assert request({}, tmp_path).seed == seeds[0, "a"]
    assert request({}, tmp_path, job(seed=1)).seed == seeds[1, "a"]
    assert request({"seed": 0}, tmp_path).seed == 0
    # The seeds of published data sets must not change with the version.
    assert seeds[0, "a"] == int(hashlib.sha256(b"0\na").hexdigest()[:16], 16) >> 11


def test_the_identity_has_all_that_the_audio_depends_on(tmp_path):
    voice = tmp_path / "a.voice"
    voice.write_bytes(b"one")
    base = request({}, tmp_path).identity
    same = [
        request({"speaker": None}, tmp_path),
        request({"seed": derived_seed(0, "a")}, tmp_path, job(seed=5)),
        request({}, tmp_path / "elsewhere"),
    ]
    assert request({}, tmp_path).identity == base and same[0].identity == base
    assert request({}, tmp_path, job(Audio("wav"))).identity == base
    others = [
        request({"text": "Hi!"}, tmp_path),
        request({"speaker": "arlo"}, tmp_path),
        request({"seed": 5}, tmp_path),
        request({"file": "b.wav"}, tmp_path),
        request({"format": "flac"}, tmp_path),
        request({"voice": str(voice)}, tmp_path),
        request({"ref_audio": str(voice)}, tmp_path),
        request({}, tmp_path, job(seed=1)),
        request({}, tmp_path, job(Audio(sample_rate=16000))),
        request({}, tmp_path, job(Audio(sample_format="s24"))),
        request({}, tmp_path, job(model=Model(quantize=8))),
        request({}, tmp_path, job(model=Model("some/model"))),
    ]
    voice.write_bytes(b"two")
    others.append(request({"voice": str(voice)}, tmp_path))
    identities = {base, *(other.identity for other in others)}
    assert len(identities) == 1 + len(others)
    # A voice file may be moved.
    (tmp_path / "b.voice").write_bytes(b"two")
    assert request({"voice": str(tmp_path / "b.voice")}, tmp_path).identity == others[-1].identity


def test_a_row_with_a_voice_takes_nothing_of_the_default_voice(tmp_path):
    (tmp_path / "a.voice").write_bytes(b"")
    settings = job(speaker="mina", language="english")
    found = request({"voice": str(tmp_path / "a.voice")}, tmp_path, settings)
    assert "speaker" not in found.fields and found.fields["language"] == "english"
    assert request({}, tmp_path, settings).fields["speaker"] == "mina"
    for name, value in (("text", "Hi."), ("seed", 1), ("file", "a.wav")):
        with pytest.raises(InvalidRequestError, match=f"`{name}` belongs to a row"):
            checked_defaults({name: value})


def test_a_model_is_known_by_its_files_wherever_they_are(tmp_path):
    def model(name, weights, config="{}"):
        folder = tmp_path / name
        (folder / "speech_tokenizer").mkdir(parents=True)
        (folder / "config.json").write_text(config)
        (folder / "speech_tokenizer" / "model.safetensors").write_bytes(weights)
        return model_identity(str(folder))

    weights = np.random.default_rng(1).bytes(5 << 20)
    one = model("one", weights)
    assert model("two", weights) == one
    other = bytearray(weights)
    other[2 << 20 : 4 << 20] = bytes(2 << 20)
    assert model("three", bytes(other)) != one
    assert model("four", weights, "[]") != one
    assert model_identity("some/model") == {"name": "some/model"}
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_a_row_travels_as_json(tmp_path):
    found = request({"text": "Grüße 😀 \ud800", "seed": 2**64 - 1}, tmp_path)
    assert Request.from_json(found.to_json()) == found
    json.loads(found.to_json())
