//! `speak` into a file: the pieces of a text, several at a time.

use qwen3_tts_pipeline::{NarratedPiece, Narration};

use super::Job;
use super::resume::PieceStore;
use crate::failure::{Failure, Result};
use crate::note;
use crate::output::WavOutput;
use crate::progress::SpeechBar;
use crate::spoken::{self, Piece, Spoken};

/// Speaks the text and writes it piece by piece.
pub fn speak(job: &mut Job<'_>, output: WavOutput) -> Result<Spoken> {
    let mut store = PieceStore::open(job)?;
    job.request.seed = store.as_ref().and_then(PieceStore::seed).or(job.request.seed);
    let mut narration = job.model.narrate(&job.request, &job.options())?;
    job.has_begun();
    if let Some(store) = &mut store {
        store.begin(narration.script().seed())?;
        narration.leave_out(|index| store.has(index));
    }
    let config = job.model.speech_tokenizer_config();
    let bar = SpeechBar::new(job.show_progress, config.frame_rate());
    let mut sink = output.begin(config.output_sample_rate, false)?;
    let mut spoken = Spoken::new(job.begin, job.model);
    let n_pieces = narration.script().len();
    for index in 0..n_pieces {
        bar.piece(index, n_pieces);
        let stored = store.as_ref().and_then(|store| store.read(index));
        let piece = match stored {
            Some(piece) => piece,
            None => next(&mut narration, &bar, store.as_ref())?,
        };
        let pause = narration.script().pause(index);
        sink.write(&piece.audio)?;
        sink.pause(pause)?;
        spoken.add(piece, pause);
    }
    bar.finish();
    spoken.set_seed(narration.script());
    sink.finish()?;
    store.map_or(Ok(()), PieceStore::remove)?;
    Ok(spoken)
}

fn next(
    narration: &mut Narration<'_>,
    bar: &SpeechBar,
    store: Option<&PieceStore>,
) -> Result<Piece> {
    let narrated = narration.next_with(&mut |progress| bar.update(progress))?;
    // There is one for every piece that was not left out.
    let narrated = narrated.ok_or_else(|| Failure::Other("a piece is missing".to_owned()))?;
    let NarratedPiece { text, speech, attempts, is_runaway, .. } = narrated;
    let index = speech.segment_idx;
    if is_runaway {
        note(&spoken::runaway(index, &text, attempts));
    }
    let piece = Piece::new(speech, attempts);
    store.map_or(Ok(()), |store| store.write(index, &piece))?;
    Ok(piece)
}
