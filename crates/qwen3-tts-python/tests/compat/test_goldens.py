"""The results of the official package that the repository keeps."""

import numpy as np
import pytest
from compat_support import CHECKPOINTS, GREEDY, TOLERANCE, golden, names, signal

from qwen3_tts.compat import Qwen3TTSTokenizer

RATE = 24000
FRAME = 1920


def speak(model, facts):
    settings = {
        "text": facts["text"],
        "language": facts["language"],
        "non_streaming_mode": facts["non_streaming_text"],
        # The last token gives no frame.
        "max_new_tokens": facts["max_frames"] + 1,
        **GREEDY,
    }
    kind = model.model.tts_model_type
    if kind == "voice_design":
        return model.generate_voice_design(instruct=facts["instruct"], **settings)
    if kind == "custom_voice":
        return model.generate_custom_voice(
            speaker=facts["speaker"], instruct=facts["instruct"], **settings
        )
    return model.generate_voice_clone(
        ref_audio=(signal(facts["reference_samples"]), RATE),
        ref_text=facts["reference_text"],
        x_vector_only_mode=facts["x_vector_only"],
        **settings,
    )


def check_audio(wavs, rate, facts, tensors):
    (wav,) = wavs
    assert rate == RATE and wav.dtype == np.float32 and wav.ndim == 1
    assert len(wav) == facts["frames"] * FRAME
    if "audio" in tensors:
        np.testing.assert_allclose(wav, tensors["audio"], atol=TOLERANCE, rtol=0)
    else:
        strided = wav[:: facts["audio_stride"]]
        np.testing.assert_allclose(strided, tensors["audio_strided"], atol=TOLERANCE, rtol=0)
    if "audio_frame_sums" in tensors:
        sums = wav.reshape(-1, FRAME).astype(np.float64).sum(axis=1)
        np.testing.assert_allclose(sums, tensors["audio_frame_sums"], atol=FRAME * 1e-5, rtol=0)


@pytest.mark.parametrize("name", names("speech"))
def test_speech_is_the_official_one(load, name):
    facts, tensors = golden(f"speech/{name}")
    wavs, rate = speak(load(facts["checkpoint"]), facts)
    check_audio(wavs, rate, facts, tensors)


@pytest.mark.parametrize("name", names("cloning"))
def test_cloned_speech_is_the_official_one(load, name):
    facts, tensors = golden(f"cloning/{name}")
    wavs, rate = speak(load(facts["checkpoint"]), facts)
    check_audio(wavs, rate, facts, tensors)


@pytest.mark.parametrize("name", names("cloning"))
def test_prompts_are_the_official_ones(load, name):
    facts, tensors = golden(f"cloning/{name}")
    (item,) = load(facts["checkpoint"]).create_voice_clone_prompt(
        (signal(facts["reference_samples"]), RATE),
        facts["reference_text"],
        facts["x_vector_only"],
    )
    embedding = tensors["speaker_embedding"]
    np.testing.assert_allclose(item.ref_spk_embedding, embedding, atol=TOLERANCE, rtol=0)
    assert item.x_vector_only_mode == facts["x_vector_only"] != item.icl_mode
    assert item.ref_text == facts["reference_text"]
    if facts["x_vector_only"]:
        assert item.ref_code is None
    else:
        np.testing.assert_array_equal(item.ref_code, tensors["reference_codes"])
        assert item.ref_code.dtype == np.int64


@pytest.mark.filterwarnings("ignore::qwen3_tts.RecordingWarning")
@pytest.mark.parametrize("name", names("encoder"))
def test_recordings_are_encoded_as_officially(load, name):
    facts, tensors = golden(f"encoder/{name}")
    tokenizer = load(facts["checkpoint"]).model.speech_tokenizer
    encoded = tokenizer.encode(signal(facts["samples"]), sr=RATE)
    np.testing.assert_array_equal(encoded.audio_codes[0], tensors["codes"])
    (decoded,), rate = tokenizer.decode(encoded)
    assert rate == RATE and len(decoded) == facts["frames"] * FRAME
    strided = decoded[:: facts["audio_stride"]]
    np.testing.assert_allclose(strided, tensors["decoded_strided"], atol=TOLERANCE, rtol=0)


def test_a_tokenizer_alone_decodes_as_officially():
    facts, tensors = golden("codec/frames_40_48k")
    tokenizer = Qwen3TTSTokenizer.from_pretrained(str(CHECKPOINTS / "speech_tokenizer_48k"))
    (wav,), rate = tokenizer.decode([{"audio_codes": tensors["codes"]}])
    assert rate == 48000 == tokenizer.get_output_sample_rate()
    assert len(wav) == len(tensors["codes"]) * tokenizer.get_decode_upsample_rate()
    strided = wav[:: facts["audio_stride"]]
    np.testing.assert_allclose(strided, tensors["whole_strided"], atol=TOLERANCE, rtol=0)
