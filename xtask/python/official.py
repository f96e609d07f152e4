"""The official package with greedy decoding and recorded intermediate results."""

import json
from pathlib import Path
from types import SimpleNamespace

import torch
import transformers
from qwen_tts import Qwen3TTSModel

transformers.logging.set_verbosity_error()


def load(folder, dtype=torch.float32):
    return Qwen3TTSModel.from_pretrained(str(folder), dtype=dtype, device_map="cpu")


class Recorder:
    """Wraps the two `generate` calls of a model and keeps their inputs and scores.

    `scores` are the logits after the processors (repetition penalty, suppression, minimal length),
    whose argmax is taken; `logits` are the raw ones.
    """

    def __init__(self, model):
        self.model = model
        self.talker_class_generate = model.talker.generate
        self.predictor_class_generate = model.talker.code_predictor.generate
        self.outer_generate = model.generate

    def __enter__(self):
        self.request = {}
        self.talker_inputs = []
        self.frames = []
        self.model.generate = self.outer
        self.model.talker.generate = self.talker
        self.model.talker.code_predictor.generate = self.predictor
        self.hook = self.model.talker.model.register_forward_pre_hook(self.step, with_kwargs=True)
        return self

    def __exit__(self, *_):
        self.hook.remove()
        self.model.generate = self.outer_generate
        self.model.talker.generate = self.talker_class_generate
        self.model.talker.code_predictor.generate = self.predictor_class_generate

    def outer(self, *args, **kwargs):
        self.request = kwargs
        result = self.outer_generate(*args, **kwargs)
        self.codes = result[0][0]
        return result

    def talker(self, **kwargs):
        self.prompt = kwargs
        result = self.talker_class_generate(**kwargs, output_scores=True, output_logits=True)
        self.talker_scores = torch.cat(result.scores)
        self.talker_logits = torch.cat(result.logits)
        self.talker_hidden = torch.cat([hidden[0][-1][:, -1] for hidden in result.hidden_states])
        self.sequence = result.sequences[0]
        return result

    def predictor(self, **kwargs):
        result = self.predictor_class_generate(**kwargs, output_scores=True, output_logits=True)
        self.frames.append(
            SimpleNamespace(scores=torch.cat(result.scores), logits=torch.cat(result.logits))
        )
        return result

    def step(self, _module, _args, kwargs):
        self.talker_inputs.append(kwargs["inputs_embeds"][0])


def speak(wrapper, request, frames):
    """Runs `request` greedily for at most `frames` frames; returns (recorder, waveform).

    Without an eos, the official loop generates one token more than it has frames.
    """
    common = dict(
        text=request["text"],
        language=request["language"],
        non_streaming_mode=request["non_streaming_text"],
        do_sample=False,
        subtalker_dosample=False,
        max_new_tokens=frames + 1,
    )
    with Recorder(wrapper.model) as recorder:
        if wrapper.model.tts_model_type == "base":
            waveforms, _ = wrapper.generate_voice_clone(
                ref_audio=request["reference_audio"],
                ref_text=request["reference_text"],
                x_vector_only_mode=request["x_vector_only"],
                **common,
            )
        elif wrapper.model.tts_model_type == "voice_design":
            waveforms, _ = wrapper.generate_voice_design(instruct=request["instruct"], **common)
        else:
            waveforms, _ = wrapper.generate_custom_voice(
                speaker=request["speaker"], instruct=request["instruct"], **common
            )
    return recorder, torch.from_numpy(waveforms[0].copy())


def smallest_margin(scores):
    """Returns the smallest distance between the best and the second best of any row."""
    best = scores.float().topk(2, dim=-1).values
    return float((best[:, 0] - best[:, 1]).min())


def write_json(path, content):
    Path(path).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
