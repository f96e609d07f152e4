"""Calls that fail, for both packages. Prints for each the names of its exception's classes, as JSON."""

import importlib
import json
import os
import sys
import warnings

import numpy as np
from compat_support import CHECKPOINTS, GREEDY, signal

G = {**GREEDY, "max_new_tokens": 4}
S = {"max_new_tokens": 4}
A = (signal(9600), 24000)


def calls(module):
    """Returns each call under a name."""
    loaded = {}

    def load(name):
        if name not in loaded:
            path = str(CHECKPOINTS / name)
            loaded[name] = module.Qwen3TTSModel.from_pretrained(path, device_map="cpu")
        return loaded[name]

    def custom(*arguments, **settings):
        return lambda: load("custom_voice_0b6").generate_custom_voice(*arguments, **settings)

    def design(*arguments, **settings):
        return lambda: load("voice_design_1b7").generate_voice_design(*arguments, **settings)

    def clone(*arguments, **settings):
        return lambda: load("base_0b6").generate_voice_clone(*arguments, **settings)

    def prompt(*arguments):
        return lambda: load("base_0b6").create_voice_clone_prompt(*arguments)

    def with_prompt(change, text="Hi.", **arguments):
        def call():
            model = load("base_0b6")
            items = model.create_voice_clone_prompt(A, "Well met.")
            return model.generate_voice_clone(
                text, voice_clone_prompt=change(items), **G, **arguments
            )

        return call

    def lists(items, **changes):
        fields = ("ref_code", "ref_spk_embedding", "x_vector_only_mode", "icl_mode")
        return {**{name: [getattr(item, name) for item in items] for name in fields}, **changes}

    def without(items, *names):
        return {name: value for name, value in lists(items).items() if name not in names}

    def changed(items, **fields):
        for name, value in fields.items():
            setattr(items[0], name, value)
        return items

    def tokenizer(method, *arguments, **settings):
        def call():
            return getattr(load("base_0b6").model.speech_tokenizer, method)(*arguments, **settings)

        return call

    embedding = {"ref_code": [None], "x_vector_only_mode": [True], "icl_mode": [False]}
    return {
        "custom voice with a base model": lambda: load("base_0b6").generate_custom_voice(
            "Hi.", "ryan"
        ),
        "design with a base model": lambda: load("base_0b6").generate_voice_design("Hi.", "Deep."),
        "clone with a custom voice model": lambda: load("custom_voice_0b6").generate_voice_clone(
            "Hi."
        ),
        "prompt with a design model": lambda: load("voice_design_1b7").create_voice_clone_prompt(
            A, "x"
        ),
        "custom voice without speaker": custom("Hi.", **G),
        "design without instruct": design("Hi.", **G),
        "unknown language": custom("Hi.", "ryan", "klingon", **G),
        "language code": custom("Hi.", "ryan", "en", **G),
        "dialect as language": custom("Hi.", "ryan", "sichuan_dialect", **G),
        "no language in a list": custom(["Hi.", "Ho."], "ryan", ["English", None], **G),
        "unknown speaker": custom("Hi.", "nemo", **G),
        "blend of speakers": custom("Hi.", "ryan:0.5,vivian:0.5", **G),
        "an unknown speaker of two": custom(["Hi.", "Ho."], ["ryan", "nemo"], **G),
        "more speakers than texts": custom("Hi.", ["ryan", "vivian"], **G),
        "lengths before names": custom("Hi.", ["nemo", "vivian"], "klingon", **G),
        "languages before speakers": custom("Hi.", "nemo", "klingon", **G),
        "fewer languages": custom(["a", "b", "c"], "ryan", ["English", "German"], **G),
        "more languages than texts": design("Hi.", "Deep.", ["English", "German"], **G),
        "more instructs than texts": design("Hi.", ["Deep.", "High."], **G),
        "languages of a clone": clone("Hi.", ["English", "German"], A, "x", **G),
        "unknown language of a clone": clone("Hi.", "klingon", **G),
        "no texts, one speaker": custom([], "ryan", **G),
        "no texts": custom([], [], **G),
        "temperature 0": custom("Hi.", "ryan", temperature=0.0, **S),
        "temperature below 0": custom("Hi.", "ryan", temperature=-1.0, **S),
        "subtalker temperature 0": custom("Hi.", "ryan", subtalker_temperature=0.0, **S),
        "top_k below 0": custom("Hi.", "ryan", top_k=-1, **S),
        "top_k with a fraction": custom("Hi.", "ryan", top_k=5.5, **S),
        "subtalker top_k below 0": custom("Hi.", "ryan", subtalker_top_k=-1, **S),
        "top_p below 0": custom("Hi.", "ryan", top_p=-0.5, **S),
        "repetition penalty 0": custom("Hi.", "ryan", repetition_penalty=0.0, **G),
        "no tokens": custom("Hi.", "ryan", **{**G, "max_new_tokens": 0}),
        "one token": custom("Hi.", "ryan", **{**G, "max_new_tokens": 1}),
        "input ids": custom("Hi.", "ryan", input_ids=[1], **G),
        "speakers": custom("Hi.", "ryan", speakers=["ryan"], **G),
        "neither prompt nor recording": clone("Hi.", **G),
        "no transcript": clone("Hi.", ref_audio=A, **G),
        "empty transcript": prompt(A, ""),
        "a transcript of two": prompt([A, A], ["x", None]),
        "fewer transcripts": prompt([A, A, A], ["x", "y"]),
        "more transcripts": prompt(A, ["x", "y"]),
        "more modes": prompt(A, "x", [True, False]),
        "more recordings than texts": clone("Hi.", ref_audio=[A, A], ref_text="x", **G),
        "no recordings": clone("Hi.", ref_audio=[], **G),
        "samples without rate": prompt(A[0], "x"),
        "no recording": prompt(None, "x"),
        "number as recording": prompt(3, "x"),
        "list in a tuple": prompt((list(A[0]), 24000), "x"),
        "missing file": prompt("/nonexistent/voice.wav", "x"),
        "recordings before transcripts": prompt("/nonexistent/voice.wav"),
        "damaged base64": prompt("data:audio/wav;base64,xxxxx", "x"),
        "text as file": prompt(__file__, "x"),
        "too short": prompt((A[0][:300], 24000), "x"),
        "no samples": prompt((A[0][:0], 24000), "x"),
        "more items than texts": with_prompt(lambda items: items * 2),
        "fewer items than texts": with_prompt(lambda items: items * 2, ["a", "b", "c"]),
        "no items": with_prompt(lambda items: []),
        "dict in context": with_prompt(lambda items: lists(items)),
        "dict for more texts": with_prompt(lambda items: lists(items, **embedding), ["a", "b"]),
        "dict without codes": with_prompt(lambda items: without(items, "ref_code")),
        "dict without embeddings": with_prompt(lambda items: without(items, "ref_spk_embedding")),
        "dict without modes": with_prompt(lambda items: without(items, "icl_mode")),
        "item without transcript": with_prompt(lambda items: changed(items, ref_text=None)),
        "item without embedding": with_prompt(lambda items: changed(items, ref_spk_embedding=None)),
        "item without codes": with_prompt(lambda items: changed(items, ref_code=None)),
        "number as prompt": with_prompt(lambda items: 3),
        "item of another size": lambda: load("base_1b7").generate_voice_clone(
            "Hi.", voice_clone_prompt=load("base_0b6").create_voice_clone_prompt(A, "x"), **G
        ),
        "embedding at 16 kHz": lambda: load("base_0b6").model.extract_speaker_embedding(
            A[0], 16000
        ),
        "encode samples without rate": tokenizer("encode", A[0]),
        "encode a tuple": tokenizer("encode", A),
        "encode samples and texts": tokenizer("encode", [A[0], "voice.wav"], sr=24000),
        "encode nothing": tokenizer("encode", []),
        "encode a missing file": tokenizer("encode", "/nonexistent/voice.wav"),
        "decode a number": tokenizer("decode", 3),
        "decode an array": tokenizer("decode", np.zeros((3, 16), np.int64)),
        "decode nothing": tokenizer("decode", []),
        "decode without codes": tokenizer("decode", {"codes": []}),
        "decode unknown codes": tokenizer("decode", {"audio_codes": [np.full((3, 16), 5000)]}),
        "unknown argument of from_pretrained": lambda: module.Qwen3TTSModel.from_pretrained(
            str(CHECKPOINTS / "base_0b6"), no_such_argument=1
        ),
        "neither mode": with_prompt(lambda items: changed(items, icl_mode=False, ref_code=None)),
        "number as text": custom(5, "ryan", **G),
        "blank text": custom(" ", "ryan", **G),
        "no text": custom("", "ryan", **G),
        "samples that are NaN": prompt((A[0] * np.nan, 24000), "x"),
        "another eos token": custom("Hi.", "ryan", eos_token_id=5, **G),
        "unknown seed": custom("Hi.", "ryan", seed=-1, **G),
        "more seeds than texts": custom("Hi.", "ryan", seed=[1, 2], **G),
    }


def outcome(call):
    """Returns the names of the classes of the exception, most special first; none without an error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__[:-3]]
    return []


if __name__ == "__main__":
    module = importlib.import_module(os.environ["QWEN_TTS_MODULE"])
    outcomes = {name: outcome(call) for name, call in calls(module).items()}
    json.dump(outcomes, open(sys.argv[1], "w"))
