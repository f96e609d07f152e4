//! Speech of a checkpoint, and the logits of its codes.

use anyhow::Result;
use qwen3_tts_nn::{Device, Ids, Tensor};
use qwen3_tts_pipeline::{ModelFiles, TextTokenizer};
use qwen3_tts_talker::{GenerationParams, Prompt, Sampling, Speaker, Talker};

/// A request, and the frames that were generated for it, one code for each codebook.
pub struct Speech {
    prompt: Prompt,
    pub frames: Vec<Vec<u32>>,
}

/// Logits of each frame, by codebook.
pub type Logits = Vec<Vec<Vec<f32>>>;

/// Speaks each text with each voice.
pub fn speak(
    files: &ModelFiles,
    talker: &Talker,
    texts: &[&str],
    voices: &[u32],
    max_frames: usize,
) -> Result<Vec<Speech>> {
    let tokenizer = TextTokenizer::load(files)?;
    let published = files.generation_config()?;
    let params = GenerationParams::new(&published, &Sampling::default()).max_frames(max_frames);
    let mut speeches = Vec::new();
    for text in texts {
        for &voice in voices {
            let ids = tokenizer.encode_text(text)?;
            let prompt = Prompt::new(ids).speaker(Speaker::Preset(voice));
            let mut generation = talker.start(&prompt, &params)?;
            let mut frames = Vec::new();
            while let Some(frame) = talker.next_frame(&mut generation)? {
                frames.push(frame);
            }
            speeches.push(Speech { prompt, frames });
        }
    }
    Ok(speeches)
}

/// Returns the logits of each speech, given the codes before.
pub fn all_logits(talker: &Talker, speeches: &[Speech], device: &Device) -> Result<Vec<Logits>> {
    speeches.iter().map(|speech| logits(talker, speech, device)).collect()
}

fn logits(talker: &Talker, speech: &Speech, device: &Device) -> Result<Logits> {
    let prompt = talker.embed_prompt(&speech.prompt)?;
    let mut state = talker.new_state();
    let mut hidden = talker.step(&prompt.prefill, &mut state).last_step();
    let mut all = Vec::new();
    for codes in &speech.frames {
        let ids: Vec<Ids> = codes.iter().map(|code| Ids::new(&[*code], device)).collect();
        let code_0 = talker.codec_embedding().forward(&ids[0]);
        let predicted = talker.code_predictor().logits(&hidden, &code_0, &ids[1..])?;
        let mut frame = vec![talker.logits(&hidden).to_vec()];
        frame.extend(predicted.iter().map(Tensor::to_vec));
        all.push(frame);
        let input =
            ids.iter().enumerate().skip(1).fold(code_0, |sum, (group, ids)| {
                sum.add(&talker.code_predictor().embed(group, ids))
            });
        // The text precedes the speech, so that every frame gets the same padding.
        hidden = talker.step(&input.add(&prompt.trailing_text), &mut state);
    }
    Ok(all)
}
