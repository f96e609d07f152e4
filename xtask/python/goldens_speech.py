"""Whole requests: prompt, logits, codes and waveform of the official package in float32, greedy.

A greedy golden is significant only if no argmax is a near tie, since two correct programs differ in
the last bits of a logit. Each case has several texts; the first whose margins between best and
second best all exceed MARGIN is used.

One case ends with eos. For it, the end-of-speech row of the codec head is fitted so that it is the
maximum at one chosen step of that case and far from it at every other.
"""

from pathlib import Path

import torch

import official
import tiny_checkpoint

MARGIN = 1e-3
SHORT = 20
LONG = 110
PREDICTOR_FRAMES = 4
EOS_STEP = 23
AUDIO_STRIDE = 16

CHECKPOINTS = {
    "custom_voice_0b6": ("custom_voice", "0b6", 11),
    "custom_voice_1b7": ("custom_voice", "1b7", 12),
    "voice_design_1b7": ("voice_design", "1b7", 13),
}


def case(checkpoint, text, speaker=None, language="auto", instruct=None, streaming=False, **more):
    return dict(
        checkpoint=checkpoint,
        text=text,
        speaker=speaker,
        language=language,
        instruct=instruct,
        non_streaming_text=not streaming,
    ) | {"frames": SHORT, "full_audio": False, "ends": False} | more


SMALL, LARGE, DESIGN = CHECKPOINTS
FOX = "The quick brown fox jumps over the lazy dog."
PARK = "今天天气很好，我们一起去公园吧。"
STORY = (
    "We were walking along the shore when the storm came in from the west. It was the first time "
    "that anything like this had happened, and nobody knew what to do about it."
)
VOICE = "A young woman with a clear, bright voice, who speaks slowly."

CASES = {
    "non_streaming_english": case(SMALL, FOX, "Ryan", "English", full_audio=True),
    "streaming_english": case(SMALL, FOX, "Vivian", "English", streaming=True),
    "streaming_one_token": case(SMALL, "I", "serena", "english", streaming=True, frames=6),
    "dialect_auto": case(SMALL, PARK, "eric", "Auto"),
    "dialect_chinese": case(SMALL, PARK, "Dylan", "Chinese"),
    "dialect_english": case(SMALL, FOX, "eric", "English"),
    "plain_speaker_auto": case(SMALL, PARK, "Uncle_Fu", "auto", streaming=True),
    "ends_by_eos": case(SMALL, STORY, "Aiden", "English", frames=40, full_audio=True, ends=True),
    "long_streaming": case(SMALL, STORY, "Ono_Anna", "Japanese", streaming=True, frames=LONG),
    "large_plain": case(LARGE, FOX, "Sohee", "Korean"),
    "large_instruct": case(
        LARGE, FOX, "Ryan", "English", "Speak in a calm, warm voice.", full_audio=True
    ),
    "large_instruct_streaming": case(
        LARGE, STORY, "dylan", "Auto", "很高兴地说", streaming=True, frames=40
    ),
    "design": case(DESIGN, FOX, None, "English", VOICE),
    "design_streaming": case(DESIGN, STORY, None, "Auto", VOICE, streaming=True, frames=40),
}

OPENINGS = ["", "Yes. ", "No. ", "Then we left. ", "And so on. ", "Well! ", "Really? ", "One. ",
            "Two. ", "Three. ", "Four. ", "Five. ", "Six. ", "Seven. ", "Eight. ", "Nine. ",
            "Ten. ", "Good night. ", "Thank you. ", "So it was. ", "Not yet. ", "Tomorrow. ",
            "Today. ", "Perhaps. ", "Of course. ", "I hope. ", "She said: ", "What? ", "Look, "]  # fmt: skip


def write(checkpoints, goldens, only=None):
    """Writes the checkpoints, then the goldens of every case (or of `only` one)."""
    goldens = Path(goldens)
    goldens.mkdir(parents=True, exist_ok=True)
    for name, (kind, size, seed) in CHECKPOINTS.items():
        folder = Path(checkpoints) / name
        tiny_checkpoint.write(folder, kind, size, seed)
        mine = {key: value for key, value in CASES.items() if value["checkpoint"] == name}
        fit_eos(folder, mine)
        wrapper = official.load(folder)
        for key, request in mine.items():
            if only is None or only == key:
                write_case(wrapper, goldens / key, request)


def fit_eos(folder, cases):
    """Fits the end-of-speech row: one step of the case that `ends` against all other steps."""
    ending = [request for request in cases.values() if request["ends"]]
    if not ending:
        return
    wrapper = official.load(folder)
    others, target = [], None
    for request in cases.values():
        text, recorder, _ = first_clear(wrapper, request, request["frames"])
        request["text"] = text
        hidden = recorder.talker_hidden
        if request["ends"]:
            target = hidden[EOS_STEP], recorder.talker_scores[EOS_STEP].max()
            hidden = hidden[:EOS_STEP]
        others.append(hidden)
    others = torch.cat(others)
    moment = others.T @ others / len(others)
    direction = torch.linalg.solve(moment + 0.05 * torch.eye(len(moment)), target[0])
    row = direction * (target[1] + 3.0) / (direction @ target[0])
    tiny_checkpoint.set_eos_row(folder, row.to(torch.bfloat16))


def first_clear(wrapper, request, frames):
    """Returns the first text of `request` whose greedy codes have no near tie."""
    tried = []
    for text in variants(request["text"]):
        recorder, audio = official.speak(wrapper, request | {"text": text}, frames)
        margins = margins_of(recorder)
        tried.append(min(margins.values()))
        if min(margins.values()) > MARGIN:
            return text, recorder, audio
    raise SystemExit(f"{request}: every text has a near tie, margins {tried}; add texts or a seed")


def variants(text):
    """Returns the texts to try, in order: other openings, other digits, or another letter."""
    if text.isdigit():
        return ["".join(str((int(d) + step) % 10) for d in text) for step in range(10)]
    if len(text) == 1:
        return [chr(ord(text) + step) for step in range(10)]
    return [opening + text for opening in OPENINGS]


def margins_of(recorder):
    used = recorder.frames[: len(recorder.codes)]
    return {
        "talker": official.smallest_margin(recorder.talker_scores),
        "code_predictor": min(official.smallest_margin(frame.scores) for frame in used),
    }


def write_case(wrapper, path, request):
    text, recorder, audio = first_clear(wrapper, request, request["frames"])
    frames = len(recorder.codes)
    ended = frames < request["frames"]
    if ended != request["ends"]:
        raise SystemExit(f"{path.name}: {frames} frames, ends {ended}, meant {request['ends']}")
    distinct = len(set(recorder.codes[:, 0].tolist()))
    if frames > 6 and distinct < 6:
        raise SystemExit(f"{path.name}: only {distinct} distinct codes in {frames} frames")
    tensors = tensors_of(recorder, audio, request)
    tiny_checkpoint.save(tensors, path.with_suffix(".safetensors"))
    keys = ("checkpoint", "speaker", "language", "instruct", "non_streaming_text")
    official.write_json(
        path.with_suffix(".json"),
        {key: request[key] for key in keys}
        | {
            "text": text,
            "max_frames": request["frames"],
            "frames": frames,
            "talker_logits_stride": logits_stride(request),
            "audio_stride": AUDIO_STRIDE,
            "stop_reason": "eos" if ended else "max_frames",
            "smallest_margin": {key: round(v, 6) for key, v in margins_of(recorder).items()},
        },
    )
    print(f"{path.name}: {frames} frames, {distinct} distinct codes, {margins_of(recorder)}")


def logits_stride(request):
    """Returns the stride of the steps whose logits are stored."""
    return 1 if request["full_audio"] else 5


def tensors_of(recorder, audio, request):
    """Returns the tensors of a golden, which fixtures/README.md describes."""
    frames = len(recorder.codes)
    prompt = recorder.prompt
    every = logits_stride(request)
    tensors = {
        "input_ids": recorder.request["input_ids"][0][0],
        "talker_input_embeds": prompt["inputs_embeds"][0],
        "trailing_text_hidden": prompt["trailing_text_hidden"][0],
        "tts_pad_embed": prompt["tts_pad_embed"][0, 0],
        "talker_logits": recorder.talker_logits[::every],
        "talker_hidden": recorder.talker_hidden,
        "talker_step_embeds": torch.cat(recorder.talker_inputs[1:])[:frames],
        "code_predictor_logits": torch.stack(
            [frame.logits for frame in recorder.frames[:PREDICTOR_FRAMES]]
        ),
        "codes": recorder.codes,
    }
    instruct = (recorder.request.get("instruct_ids") or [None])[0]
    if instruct is not None:
        tensors["instruct_ids"] = instruct[0]
    if request["full_audio"]:
        tensors["audio"] = audio
    else:
        tensors["audio_strided"] = audio[::AUDIO_STRIDE]
    return {name: value.clone() for name, value in tensors.items()}
