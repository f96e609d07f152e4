"""Calls that fail here as with the official package."""

import json

import bad_calls
import pytest
from compat_support import NO_ORACLE, ORACLE, run_official

import qwen3_tts.compat

DIFFERENT = {
    # Errors of libraries, or by accident: there, here.
    "no texts": ("RuntimeError", "ValueError"),
    "one token": ("RuntimeError", "ValueError"),
    "text as file": ("NoBackendError", "ValueError"),
    "too short": ("RuntimeError", "ValueError"),
    "no samples": ("RuntimeError", "ValueError"),
    "dict in context": ("TypeError", "ValueError"),
    "dict for more texts": ("IndexError", "ValueError"),
    "item without transcript": ("TypeError", "ValueError"),
    "item without embedding": ("AttributeError", "ValueError"),
    "item without codes": ("AttributeError", "ValueError"),
    "item of another size": ("RuntimeError", "ValueError"),
    "embedding at 16 kHz": ("AssertionError", "ValueError"),
    "encode nothing": ("IndexError", "ValueError"),
    "decode nothing": ("IndexError", "ValueError"),
    "decode unknown codes": ("IndexError", "ValueError"),
    # No errors there.
    "neither mode": (None, "ValueError"),
    "number as text": (None, "TypeError"),
    "blank text": (None, "ValueError"),
    "no text": (None, "ValueError"),
    "samples that are NaN": (None, "ValueError"),
    "another eos token": (None, "TypeError"),
    "unknown seed": (None, "ValueError"),
    "more seeds than texts": (None, "ValueError"),
}
TYPE_ERRORS = {
    "custom voice without speaker",
    "design without instruct",
    "input ids",
    "speakers",
    "no recording",
    "number as recording",
    "list in a tuple",
    "number as prompt",
    "encode samples and texts",
    "decode a number",
    "decode an array",
    "unknown argument of from_pretrained",
}
OTHERS = {
    "missing file": "FileNotFoundError",
    "recordings before transcripts": "FileNotFoundError",
    "encode a missing file": "FileNotFoundError",
    "dict without codes": "KeyError",
    "dict without embeddings": "KeyError",
    "dict without modes": "KeyError",
    "decode without codes": "KeyError",
}
CALLS = bad_calls.calls(qwen3_tts.compat)


def expected(name):
    """Returns the class of the exception there, or None, and here."""
    same = "TypeError" if name in TYPE_ERRORS else OTHERS.get(name, "ValueError")
    return DIFFERENT.get(name, (same, same))


@pytest.mark.parametrize("name", CALLS)
def test_a_bad_call_raises_the_expected_exception(name):
    _, here = expected(name)
    assert here in bad_calls.outcome(CALLS[name])


@pytest.mark.timeout(1800)
@pytest.mark.skipif(ORACLE is None, reason=NO_ORACLE)
def test_the_official_package_raises_the_same(tmp_path):
    path = tmp_path / "outcomes.json"
    run_official("bad_calls.py", str(path))
    outcomes = json.loads(path.read_text())
    assert outcomes.keys() == CALLS.keys()
    for name, found in outcomes.items():
        there, _ = expected(name)
        assert found == [] if there is None else there in found, (name, found)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("clone with a custom voice model", "generate_voice_clone needs a base model"),
        ("more speakers than texts", "text=1, language=1, speaker=2, instruct=1"),
        ("languages before speakers", "Unsupported languages: ['klingon']"),
        ("an unknown speaker of two", "Unsupported speakers: ['nemo']"),
        ("a transcript of two", "ref_text of recording 1 is missing"),
        ("more items than texts", "prompt=2, text=1"),
        ("dict in context", "pass a list of VoiceClonePromptItem"),
        ("samples without rate", "(samples, sample_rate)"),
        ("temperature 0", "do_sample=False"),
        ("subtalker temperature 0", "subtalker_dosample=False"),
        ("one token", "max_new_tokens is 1; expected at least 2"),
    ],
)
def test_messages_name_what_is_wrong(name, words):
    with pytest.raises(Exception) as caught:
        CALLS[name]()
    assert words in str(caught.value)
