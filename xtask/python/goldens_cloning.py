"""Cloning requests: from a recording to prompt, codes and waveform, in float32 and greedy.

The recording is the signal of the encoder's goldens, which tests can compute exactly. Neither its
codes nor the greedy codes may depend on a near tie.

The official package decodes reference and new codes together and then cuts the first
`int(ref_len / total_len * samples)` samples, in double precision. That is `ref_len * 1920`, or one
sample less if the quotient is rounded down; then the waveform begins with the last sample of the
reference. 26 reference frames and 20 new ones are such a pair.
"""

import math
from pathlib import Path

import torch

import goldens_encoder
import official
import tiny_checkpoint
from goldens_speech import AUDIO_STRIDE, FOX, PARK, STORY, first_clear, margins_of

FRAME = 1920
RATE = 24000
REFERENCE_SAMPLES = 49_000  # 26 frames, the last one partly filled
ROUNDED_DOWN = 20  # new frames for which the official cut is one sample short
LOGITS_STRIDE = 5

CHECKPOINTS = {
    "base_0b6": ("base", "0b6", 14),
    "base_1b7": ("base", "1b7", 15),
}

SMALL, LARGE = CHECKPOINTS
HELLO = "Well met."


def case(
    checkpoint, text, language, reference_text=HELLO, streaming=True, frames=12, leftover=None
):
    """Returns a request. Without a reference text, only the speaker embedding is cloned.

    `leftover` is the number of text rows that the reference's codes do not reach, or its sign if it is
    infinite.
    """
    return dict(
        checkpoint=checkpoint,
        text=text,
        language=language,
        reference_text=reference_text,
        x_vector_only=reference_text is None,
        non_streaming_text=not streaming,
        frames=frames,
        leftover=leftover,
    )


LONGER, SHORTER = math.inf, -math.inf

CASES = {
    "x_vector_streaming": case(SMALL, FOX, "English", None, frames=ROUNDED_DOWN),
    "x_vector_non_streaming": case(SMALL, PARK, "auto", None, streaming=False),
    "icl_longer_text": case(SMALL, STORY, "English", frames=ROUNDED_DOWN, leftover=LONGER),
    "icl_shorter_text": case(SMALL, "Yes.", "Auto", leftover=SHORTER),
    "icl_even_text": case(SMALL, "27182818284590452353", "German", leftover=0),
    "icl_one_more": case(SMALL, "271828182845904523536", "auto", leftover=1),
    "icl_non_streaming": case(SMALL, FOX, "Chinese", PARK, streaming=False, frames=40),
    "icl_non_streaming_auto": case(SMALL, "No.", "Auto", streaming=False),
    "large_x_vector_streaming": case(LARGE, STORY, "Auto", None),
    "large_x_vector_non_streaming": case(LARGE, FOX, "French", None, streaming=False),
    "large_icl_longer_text": case(LARGE, FOX, "auto", PARK, frames=30, leftover=LONGER),
    "large_icl_shorter_text": case(LARGE, "Yes.", "Japanese", leftover=SHORTER),
    "large_icl_non_streaming": case(LARGE, STORY, "English", streaming=False, frames=ROUNDED_DOWN),
}


def write(checkpoints, goldens):
    goldens = Path(goldens)
    goldens.mkdir(parents=True, exist_ok=True)
    audio = goldens_encoder.signal(REFERENCE_SAMPLES)
    for name, (kind, size, seed) in CHECKPOINTS.items():
        folder = Path(checkpoints) / name
        tiny_checkpoint.write(folder, kind, size, seed)
        wrapper = official.load(folder)
        codes, _, margin = goldens_encoder.encode(wrapper.model.speech_tokenizer, audio)
        for key, request in CASES.items():
            if request["checkpoint"] == name:
                request["reference_audio"] = (audio, RATE)
                write_case(wrapper, goldens / key, request, codes, margin)


def write_case(wrapper, path, request, reference_codes, reference_margin):
    text, recorder, audio = first_clear(wrapper, request, request["frames"])
    check(path.name, request, recorder, reference_codes)
    frames, margins = len(recorder.codes), margins_of(recorder)
    whole = 0 if request["x_vector_only"] else len(reference_codes) * FRAME
    cut = whole + frames * FRAME - len(audio)
    tiny_checkpoint.save(
        tensors_of(recorder, audio[whole - cut :]), path.with_suffix(".safetensors")
    )
    keys = ("checkpoint", "language", "x_vector_only", "reference_text", "non_streaming_text")
    official.write_json(
        path.with_suffix(".json"),
        {key: request[key] for key in keys}
        | {
            "text": text,
            "reference_samples": REFERENCE_SAMPLES,
            "max_frames": request["frames"],
            "frames": frames,
            "stop_reason": "max_frames",
            "talker_logits_stride": LOGITS_STRIDE,
            "audio_stride": AUDIO_STRIDE,
            "official_cut": cut,
            "smallest_margin": {key: round(v, 6) for key, v in margins.items()}
            | {"reference_codes": round(reference_margin, 8)},
        },
    )
    rest = recorder.prompt["trailing_text_hidden"].shape[1]
    print(f"cloning {path.name}: {frames} frames, {rest} rows trail, cut {cut}, {margins}")


def check(name, request, recorder, reference_codes):
    """Refuses a golden that does not cover its intended case."""
    codes, clone = recorder.codes, recorder.request["voice_clone_prompt"]
    if len(codes) != request["frames"]:
        raise SystemExit(f"{name}: {len(codes)} frames, meant {request['frames']}")
    if len(set(codes[:, 0].tolist())) < 6:
        raise SystemExit(f"{name}: too few distinct codes")
    if request["x_vector_only"]:
        return
    if not torch.equal(clone["ref_code"][0], reference_codes):
        raise SystemExit(f"{name}: the reference has other codes than when encoded alone")
    # The wrappings have 5 and 8 ids; text has an additional eos, codes an additional bos.
    ids = recorder.request
    n_text = ids["ref_ids"][0].shape[1] - 5 + ids["input_ids"][0].shape[1] - 8
    leftover, meant = n_text - len(reference_codes), request["leftover"]
    if meant not in (None, leftover, math.copysign(math.inf, leftover)):
        raise SystemExit(f"{name}: {leftover} rows of text are left over, meant {meant}")


def tensors_of(recorder, audio):
    """Returns the tensors of a golden, which fixtures/README.md describes."""
    prompt, clone = recorder.prompt, recorder.request["voice_clone_prompt"]
    tensors = {
        "input_ids": recorder.request["input_ids"][0][0],
        "speaker_embedding": clone["ref_spk_embedding"][0],
        "talker_input_embeds": prompt["inputs_embeds"][0],
        "trailing_text_hidden": prompt["trailing_text_hidden"][0],
        "talker_logits": recorder.talker_logits[::LOGITS_STRIDE],
        "codes": recorder.codes,
        "audio_strided": audio[::AUDIO_STRIDE],
        "audio_frame_sums": audio.view(-1, FRAME).double().sum(1).float(),
    }
    if clone["icl_mode"][0]:
        tensors["reference_ids"] = recorder.request["ref_ids"][0][0]
        tensors["reference_codes"] = clone["ref_code"][0]
    return {name: value.clone() for name, value in tensors.items()}
