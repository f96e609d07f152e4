"""Arguments: sampling, seeds, lists, recordings, loading."""

import base64
import functools
import http.server
import io
import json
import pickle
import shutil
import threading
import wave
import warnings

import numpy as np
import pytest
from compat_support import CHECKPOINTS, GREEDY, golden, signal

from qwen3_tts.compat import CompatWarning, Qwen3TTSModel, Qwen3TTSTokenizer, batch
from qwen3_tts.compat.sampling import HARD_DEFAULTS, merge, seeds, speak_options

FRAMES = {"max_new_tokens": 13}
RECORDING = (signal(20 * 1920), 24000)


def speak(model, text="Hello, you.", speaker="ryan", **settings):
    wavs, _ = model.generate_custom_voice(text, speaker, **FRAMES, **settings)
    return wavs


def is_same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_an_argument_precedes_the_checkpoint_and_that_the_hard_default():
    settings = merge({"top_k": 7, "temperature": 0.4}, {"temperature": 0.2, "top_p": None})
    assert settings == {**HARD_DEFAULTS, "top_k": 7, "temperature": 0.2}


def test_changed_defaults_have_effect(custom):
    whole = Qwen3TTSModel(custom.model, generate_defaults={**GREEDY, "max_new_tokens": 5})
    (wav,), _ = whole.generate_custom_voice("Hello, you.", "ryan")
    assert len(wav) == 4 * 1920
    assert is_same([wav], [speak(custom, **GREEDY)[0][: 4 * 1920]])


def test_each_part_is_sampled_or_not(custom):
    greedy = speak(custom, seed=1, **GREEDY)
    assert is_same(greedy, speak(custom, seed=2, **GREEDY))
    for parts in ({"do_sample": True}, {"subtalker_dosample": True}):
        drawn = [speak(custom, seed=seed, **{**GREEDY, **parts}) for seed in (1, 1, 2)]
        assert is_same(drawn[0], drawn[1])
        assert not is_same(drawn[0], drawn[2]) and not is_same(drawn[0], greedy)


def test_sampling_is_possible_where_the_checkpoint_publishes_none(tmp_path):
    path = tmp_path / "greedy"
    shutil.copytree(CHECKPOINTS / "custom_voice_0b6", path)
    config = path / "generation_config.json"
    config.write_text('{"do_sample": false, "subtalker_dosample": false, "max_new_tokens": 13}')
    model = Qwen3TTSModel.from_pretrained(str(path), threads=2)
    greedy = model.generate_custom_voice("Hello, you.", "ryan", seed=1)[0]
    assert is_same(greedy, model.generate_custom_voice("Hello, you.", "ryan", seed=2)[0])
    sampled = functools.partial(
        model.generate_custom_voice, "Hello, you.", "ryan", do_sample=True, subtalker_dosample=True
    )
    assert not is_same(sampled(seed=1)[0], sampled(seed=2)[0])
    assert not is_same(sampled(seed=1)[0], greedy)


def test_a_model_with_few_positions_speaks_with_its_own_limit(tmp_path):
    facts, _ = golden("speech/ends_by_eos")
    path = tmp_path / "short"
    shutil.copytree(CHECKPOINTS / facts["checkpoint"], path)
    config = json.loads((path / "config.json").read_text("utf-8"))
    config["talker_config"]["max_position_embeddings"] = 600
    (path / "config.json").write_text(json.dumps(config))
    model = Qwen3TTSModel.from_pretrained(str(path), threads=2)
    speak = functools.partial(
        model.generate_custom_voice, facts["text"], facts["speaker"], facts["language"], **GREEDY
    )
    assert len(speak()[0][0]) == facts["frames"] * 1920
    with pytest.raises(ValueError, match="600 positions"):
        speak(max_new_tokens=4000)


def test_the_limits_of_candidates_are_the_official_ones(custom):
    one = speak(custom, top_k=1, subtalker_top_k=1)
    assert is_same(one, speak(custom, **GREEDY))
    assert is_same(one, speak(custom, top_p=0.0, subtalker_top_p=0.0))
    all_of_them = speak(custom, seed=1, top_p=1.0)
    assert is_same(all_of_them, speak(custom, seed=1, top_p=2.0))
    # Settings of a part that is not sampled are not looked at.
    assert is_same(one, speak(custom, temperature=0.0, top_k=-1, top_p=-1.0, **GREEDY))


def test_options_leave_out_what_has_no_effect():
    options = speak_options({**HARD_DEFAULTS, "do_sample": False})
    assert "temperature" not in options and options["subtalker_temperature"] == 0.9
    assert options["max_frames"] == HARD_DEFAULTS["max_new_tokens"] - 1


def test_a_seed_is_counted_up(custom):
    texts = ["Hello, you.", "Hello, you.", "And you."]
    drawn = speak(custom, texts, seed=5)
    assert not is_same(drawn[:1], drawn[1:2])
    assert is_same(drawn, speak(custom, texts, seed=[5, 6, 7]))
    for index, text in enumerate(texts):
        assert is_same(drawn[index : index + 1], speak(custom, text, seed=5 + index))
    assert seeds(2**64 - 1, 2, HARD_DEFAULTS) == [2**64 - 1, 0]


def test_seeds_are_drawn_from_numpy_without_torch(custom):
    runs = []
    for _ in range(2):
        np.random.seed(3)
        runs.append(speak(custom, ["Hello, you.", "Hello, you."]))
    assert is_same(*runs) and not is_same(runs[0][:1], runs[0][1:])
    assert not is_same(runs[0], speak(custom, ["Hello, you.", "Hello, you."]))
    state = np.random.get_state()[1].tolist()
    speak(custom, **GREEDY)
    assert np.random.get_state()[1].tolist() == state


def test_arguments_without_effect_are_warned_of(custom):
    with pytest.warns(
        CompatWarning, match="num_beams, temprature .did you mean temperature"
    ) as caught:
        speak(custom, num_beams=4, temprature=0.1, **GREEDY)
    assert len(caught) == 1 and caught[0].filename == __file__


def test_many_texts_are_spoken(custom, monkeypatch):
    monkeypatch.setattr(batch, "_STARTED", 3)
    texts = [f"Number {number}." for number in range(90)]
    wavs = speak(custom, texts, **{**GREEDY})
    assert len(wavs) == 90
    for index in (0, 44, 89):
        assert is_same(wavs[index : index + 1], speak(custom, texts[index], **GREEDY))


def test_more_texts_than_may_wait_are_spoken(custom):
    # The native default refuses more than 72 requests.
    callers = [threading.Thread(target=speak, args=(custom, ["Hi."] * 12)) for _ in range(10)]
    failed = []
    hook, threading.excepthook = threading.excepthook, lambda arguments: failed.append(arguments)
    try:
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    finally:
        threading.excepthook = hook
    assert failed == []


def test_a_bad_text_is_found_before_any_is_spoken(custom, monkeypatch):
    def start(*_, **__):
        raise AssertionError("a text was started")

    monkeypatch.setattr(custom.model.synthesizer, "_start", start)
    with pytest.raises(ValueError, match="no text"):
        speak(custom, ["Hello."] * 40 + [" "], **GREEDY)


def test_an_error_cancels_the_other_texts(custom, monkeypatch):
    synthesizer = custom.model.synthesizer
    start = synthesizer._start
    streams = []

    def failing(text, options, **settings):
        if text == "Fail.":
            raise OSError("broken")
        streams.append(start(text, options, **settings))
        return streams[-1]

    monkeypatch.setattr(synthesizer, "_start", failing)
    with pytest.raises(OSError, match="broken"):
        custom.generate_custom_voice(
            ["Hello."] * 3 + ["Fail."], "ryan", max_new_tokens=2000, seed=1
        )
    assert len(streams) == 3
    reasons = {stream.collect().stop_reason for stream in streams}
    assert reasons <= {"cancelled", "eos"} and "cancelled" in reasons


def wav_file(samples, channels):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(24000)
        writer.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture
def address(tmp_path):
    """Address of a folder that is served."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_recording_is_read_from_everywhere(base, tmp_path, address):
    content = wav_file(RECORDING[0], 1)
    path = tmp_path / "voice.wav"
    path.write_bytes(content)
    text = base64.b64encode(content).decode()
    sources = [str(path), path, f"{address}/voice.wav", f"data:audio/wav;base64,{text}"]
    samples = np.frombuffer(content[44:], "<i2")
    sources += [(samples, 24000), (samples / np.float32(32768), 24000)]
    items = base.create_voice_clone_prompt(sources, ["Well met."] * len(sources))
    for item in items[1:]:
        np.testing.assert_array_equal(item.ref_code, items[0].ref_code)
        np.testing.assert_array_equal(item.ref_spk_embedding, items[0].ref_spk_embedding)


def test_base64_without_a_slash_is_no_path(base):
    # Zeros are the letter A.
    content = wav_file(np.zeros(9600), 1)
    text = base64.b64encode(content).decode()
    assert "/" not in text
    (item,) = base.create_voice_clone_prompt(text, "Nothing.")
    assert item.ref_code.shape == (5, 16)


def test_channels_are_averaged(base):
    samples, rate = RECORDING
    stereo = np.stack([samples, np.zeros_like(samples)], axis=1)
    (one,) = base.create_voice_clone_prompt((stereo, rate), "Well met.")
    (other,) = base.create_voice_clone_prompt((samples / 2, rate), "Well met.")
    np.testing.assert_array_equal(one.ref_code, other.ref_code)


def test_long_and_quiet_recordings_are_accepted(base):
    samples = np.tile(RECORDING[0], 26) * np.float32(1e-4)
    assert len(samples) > 40 * 24000
    (item,) = base.create_voice_clone_prompt((samples, 24000), "Well met.")
    assert item.ref_code.shape == (520, 16)


def test_prompts_are_kept(base):
    (item,) = base.create_voice_clone_prompt(RECORDING, "Well met.")
    copy = pickle.loads(pickle.dumps(item))
    speech = [
        base.generate_voice_clone("Hi.", voice_clone_prompt=prompt, **FRAMES, **GREEDY)[0]
        for prompt in (item, copy, [copy])
    ]
    assert is_same(speech[0], speech[1]) and is_same(speech[0], speech[2])
    both = base.generate_voice_clone(["Hi.", "Ho."], voice_clone_prompt=item, **FRAMES, **GREEDY)[0]
    assert is_same(both[:1], speech[0])


def test_audio_is_writable(custom):
    (wav,) = speak(custom, **GREEDY)
    assert wav.dtype == np.float32 and wav.flags.writeable and wav.flags.c_contiguous


def load(**arguments):
    return Qwen3TTSModel.from_pretrained(str(CHECKPOINTS / "custom_voice_0b6"), **arguments)


def test_arguments_of_transformers_are_warned_of_once():
    with pytest.warns(CompatWarning) as caught:
        load(
            device_map="cuda:0",
            dtype="bfloat16",
            attn_implementation="flash_attention_2",
            threads=1,
        )
    (warning,) = caught
    for name in ("device_map", "dtype", "attn_implementation"):
        assert name in str(warning.message)
    assert warning.filename == __file__


def test_arguments_that_ask_for_nothing_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(
            device_map="cpu",
            torch_dtype=None,
            load_in_8bit=False,
            # As with transformers, these have no effect on a directory.
            cache_dir="/tmp",
            token="secret",
            revision="main",
            local_files_only=True,
            threads=1,
        )
        load(device_map={"": "cpu"}, threads=1)


def test_own_arguments_have_effect():
    model = load(threads=1, quantize=8, float32_cache=True)
    assert model.model.synthesizer.threads == 1
    assert "q8" in model.model.synthesizer.weight_types


def test_an_unknown_argument_is_refused():
    with pytest.raises(TypeError, match="'no_such_argument'"):
        load(no_such_argument=1)
    with pytest.raises(TypeError, match="'no_such_argument'"):
        Qwen3TTSTokenizer.from_pretrained(str(CHECKPOINTS), no_such_argument=1)


def test_a_revision_belongs_to_the_name_of_a_model(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", "/nonexistent")
    with pytest.raises(OSError, match="v1.2"):
        Qwen3TTSModel.from_pretrained("Qwen/No-Such-Model", revision="v1.2")
    with pytest.warns(CompatWarning, match="token") as caught, pytest.raises(OSError):
        Qwen3TTSModel.from_pretrained("Qwen/No-Such-Model", token="secret")
    assert "secret" not in str(caught[0].message)


@pytest.mark.parametrize("part", ["", "speech_tokenizer"])
def test_a_tokenizer_is_loaded_from_a_checkpoint_or_alone(part):
    tokenizer = Qwen3TTSTokenizer.from_pretrained(str(CHECKPOINTS / "base_0b6" / part), threads=1)
    assert tokenizer.encode(RECORDING[0], RECORDING[1]).audio_codes[0].shape == (20, 16)
    with pytest.raises(ValueError, match="shape"):
        tokenizer.decode({"audio_codes": [np.zeros(16, np.int64)]})
