"""Usage of the official package. Only the module that it imports differs.

`usage.py CHECKPOINTS RESULT.npz` keeps all results as arrays.
"""

import base64
import importlib
import io
import os
import sys
import wave

import numpy as np
from compat_support import GREEDY, signal

module = importlib.import_module(os.environ["QWEN_TTS_MODULE"])
checkpoints, result = sys.argv[1:]
SETTINGS = {**GREEDY, "max_new_tokens": 13}
RATE = 24000
RECORDING = signal(25 * 1920)
FOX = "The quick brown fox jumps over the lazy dog."
STORM = "We were walking along the shore when the storm came in from the west."
results = {}


def keep(name, speech):
    wavs, rate = speech
    for index, wav in enumerate(wavs):
        results[f"{name}/{index}"] = wav
    results[f"{name}/shape"] = np.array([len(wavs), rate, *map(len, wavs)])


def as_array(tensor):
    return np.asarray(tensor.numpy() if hasattr(tensor, "numpy") else tensor)


def keep_prompt(name, items):
    for index, item in enumerate(items):
        results[f"{name}/{index}/embedding"] = as_array(item.ref_spk_embedding)
        results[f"{name}/{index}/modes"] = np.array([item.x_vector_only_mode, item.icl_mode])
        results[f"{name}/{index}/text"] = np.array(str(item.ref_text))
        if item.ref_code is not None:
            results[f"{name}/{index}/code"] = as_array(item.ref_code)


def load(name):
    path = os.path.join(checkpoints, name)
    return module.Qwen3TTSModel.from_pretrained(path, device_map="cpu")


def wav_file(samples, rate):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def custom_voice():
    model = load("custom_voice_0b6")
    results["speakers"] = np.array(model.get_supported_speakers())
    results["languages"] = np.array(model.get_supported_languages())
    results["size"] = np.array([model.model.tts_model_size, model.model.tts_model_type])
    results["defaults"] = np.array(sorted(map(str, model.generate_defaults.items())))
    results["type"] = np.array([model.model.tokenizer_type, str(model.device)])
    keep("one", model.generate_custom_voice(FOX, "Ryan", "English", **SETTINGS))
    keep(
        "positions",
        model.generate_custom_voice(FOX, "Ryan", "English", "Sadly.", False, **SETTINGS),
    )
    keep("auto", model.generate_custom_voice(text=FOX, speaker="VIVIAN", **SETTINGS))
    keep("dialect", model.generate_custom_voice("今天天气很好。", "eric", "Chinese", **SETTINGS))
    keep("no speaker", model.generate_custom_voice(FOX, None, **SETTINGS))
    keep("empty speaker", model.generate_custom_voice(FOX, "", "German", **SETTINGS))
    keep(
        "instruct is dropped",
        model.generate_custom_voice(FOX, "ryan", instruct="Sadly.", **SETTINGS),
    )
    keep("spaces", model.generate_custom_voice("  Two lines.\n\nAnd more. ", "ryan", **SETTINGS))
    keep("cut", model.generate_custom_voice(FOX, "ryan", **{**SETTINGS, "max_new_tokens": 2}))
    keep("penalty", model.generate_custom_voice(FOX, "ryan", repetition_penalty=1.5, **SETTINGS))
    texts, speakers = [FOX, STORM, "Yes."], ["ryan", "Ono_Anna", "dylan"]
    keep(
        "batch",
        model.generate_custom_voice(texts, speakers, ["English", "auto", "Chinese"], **SETTINGS),
    )
    keep("one for all", model.generate_custom_voice(texts, "serena", ["English"], [""], **SETTINGS))
    keep(
        "batch streaming",
        model.generate_custom_voice(texts, speakers, non_streaming_mode=False, **SETTINGS),
    )
    # One of them ends by itself.
    ending = f"Yes. {STORM} It was the first time that anything like this had happened, and nobody "
    ending += "knew what to do about it."
    settings = {**SETTINGS, "max_new_tokens": 41}
    keep(
        "ends", model.generate_custom_voice([ending, FOX], ["aiden", "ryan"], "English", **settings)
    )


def instructions():
    model = load("custom_voice_1b7")
    results["large/defaults"] = np.array(sorted(map(str, model.generate_defaults.items())))
    keep("large", model.generate_custom_voice(FOX, "sohee", "Korean", **SETTINGS))
    keep("instruct", model.generate_custom_voice(FOX, "ryan", "English", "Calmly.", **SETTINGS))
    keep(
        "instructs",
        model.generate_custom_voice(
            [FOX, STORM, FOX], "ryan", "English", ["Calmly.", "", None], **SETTINGS
        ),
    )


def voice_design():
    model = load("voice_design_1b7")
    results["design/speakers"] = np.array(model.get_supported_speakers())
    keep("design", model.generate_voice_design(FOX, "A deep voice.", "English", **SETTINGS))
    keep(
        "designs",
        model.generate_voice_design(
            [FOX, STORM], ["A deep voice.", "A young woman."], non_streaming_mode=False, **SETTINGS
        ),
    )
    keep("no design", model.generate_voice_design([FOX, STORM], "", **SETTINGS))


def voice_clone(name):
    model = load(name)
    samples = (RECORDING, RATE)
    hello = "Well met."
    clone = model.generate_voice_clone
    keep(f"{name}/icl", clone(FOX, "English", samples, hello, **SETTINGS))
    keep(
        f"{name}/icl whole",
        clone(FOX, ref_audio=samples, ref_text=hello, non_streaming_mode=True, **SETTINGS),
    )
    keep(f"{name}/x", clone(FOX, ref_audio=samples, x_vector_only_mode=True, **SETTINGS))
    keep(
        f"{name}/x text",
        clone(FOX, ref_audio=samples, ref_text=hello, x_vector_only_mode=True, **SETTINGS),
    )
    keep(f"{name}/batch", clone([FOX, STORM], ref_audio=samples, ref_text=hello, **SETTINGS))
    keep(
        f"{name}/lists",
        clone(
            [FOX, STORM],
            ["English", "Auto"],
            [samples, (RECORDING[: 12 * 1920], RATE)],
            [hello, None],
            [False, True],
            **SETTINGS,
        ),
    )
    items = model.create_voice_clone_prompt(
        [samples, (RECORDING[: 13 * 1920], RATE)], [hello, ""], [False, True]
    )
    keep_prompt(f"{name}/prompt", items)
    keep(f"{name}/items", clone([FOX, STORM], voice_clone_prompt=items, **SETTINGS))
    keep(f"{name}/item for all", clone([FOX, STORM], voice_clone_prompt=items[:1], **SETTINGS))
    # As ebook2audiobook keeps prompts.
    only = model.create_voice_clone_prompt(samples, x_vector_only_mode=True)[0]
    keep_prompt(f"{name}/only", [only])
    prompt = {
        "ref_code": [only.ref_code],
        "ref_spk_embedding": [only.ref_spk_embedding],
        "x_vector_only_mode": [only.x_vector_only_mode],
        "icl_mode": [only.icl_mode],
    }
    keep(f"{name}/dict", clone([FOX], ["English"], voice_clone_prompt=prompt, **SETTINGS))
    # Files, at two rates.
    for rate in (24000, 16000):
        path = f"{result}-{rate}.wav"
        content = wav_file(RECORDING, rate)
        with open(path, "wb") as file:
            file.write(content)
        text = base64.b64encode(content).decode()
        for source in (path, f"data:audio/wav;base64,{text}"):
            kind = "file" if source is path else "data"
            prompt = model.create_voice_clone_prompt(source, hello)
            keep_prompt(f"{name}/{kind} {rate}", prompt)
    quiet = (np.tile(RECORDING, 20) * np.float32(1e-3), RATE)
    keep_prompt(f"{name}/long and quiet", model.create_voice_clone_prompt(quiet, hello, [False]))
    embedding = model.model.extract_speaker_embedding(RECORDING, 24000)
    results[f"{name}/embedding"] = as_array(embedding)


def speech_tokenizer():
    path = os.path.join(checkpoints, "base_0b6", "speech_tokenizer")
    tokenizer = module.Qwen3TTSTokenizer.from_pretrained(path, device_map="cpu")
    results["tokenizer"] = np.array(
        [
            tokenizer.get_input_sample_rate(),
            tokenizer.get_output_sample_rate(),
            tokenizer.get_encode_downsample_rate(),
            tokenizer.get_decode_upsample_rate(),
        ]
    )
    results["tokenizer type"] = np.array(tokenizer.get_model_type())
    shorter = RECORDING[: 10 * 1920]
    encoded = tokenizer.encode([RECORDING, shorter], sr=RATE)
    results["codes/0"], results["codes/1"] = map(as_array, encoded.audio_codes)
    results["codes/key"] = as_array(encoded["audio_codes"][0])
    results["codes/index"] = as_array(encoded[0][0])
    results["codes/tuple"] = as_array(tokenizer.encode(RECORDING, RATE, return_dict=False)[0][0])
    stereo = np.stack([RECORDING, np.zeros_like(RECORDING)], axis=1)
    results["codes/stereo"] = as_array(tokenizer.encode(stereo, sr=RATE).audio_codes[0])
    results["codes/resampled"] = as_array(tokenizer.encode(RECORDING, sr=44100).audio_codes[0])
    keep("decoded", tokenizer.decode(encoded))
    codes = as_array(encoded.audio_codes[0])
    padded = np.concatenate([codes, np.full((3, 16), -1)])
    keep("decoded dict", tokenizer.decode({"audio_codes": [codes, codes[:4]]}))
    keep("decoded dicts", tokenizer.decode([{"audio_codes": codes}, {"audio_codes": codes[:0]}]))
    keep("decoded padding", tokenizer.decode({"audio_codes": [padded]}))
    keep("decoded batch", tokenizer.decode({"audio_codes": padded[None]}))


custom_voice()
instructions()
voice_design()
voice_clone("base_0b6")
voice_clone("base_1b7")
speech_tokenizer()
np.savez(result, **results)
