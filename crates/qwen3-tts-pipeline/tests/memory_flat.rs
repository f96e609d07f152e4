//! The memory of a request is freed at its end, however it ends. The only test of its program,
//! since it counts all allocated bytes.

mod support;

use peak_alloc::PeakAlloc;
use qwen3_tts_pipeline::{ChunkSchedule, SpeechCodes, SpeechRequest, Synthesizer, TextMode};
use support::{Dice, load, recording, speak, voice};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const REQUESTS: usize = 1000;

/// Tolerance in bytes, less than the sum of a leak of some hundred bytes per request.
const SLACK: usize = 256 << 10;

/// Bytes by which the buffers of the threads grow after the tenth request, at most.
const BUFFERS: usize = 512 << 10;

/// Makes one request, which ends or is dropped early.
fn request_once(model: &Synthesizer, request: &SpeechRequest, way: usize, dice: &mut Dice) {
    match way {
        0 => drop(speak(model, request)),
        1 => drop(model.speak(request.clone()).unwrap().map(Result::unwrap).count()),
        2 => {
            let mut speech = model.speak(request.clone().chunks(ChunkSchedule::every(1))).unwrap();
            for _ in 0..dice.below(8) {
                speech.next();
            }
        }
        3 => {
            let request = request.clone().text_mode(TextMode::Streaming);
            let (mut text, speech) = model.speak_incremental(request).unwrap();
            text.push("Eins, zwei, ").unwrap();
            if dice.below(2) == 0 {
                // The speech may end before the rest of the text.
                let _ = text.push("drei.");
                drop(text);
                assert!(speech.map(Result::unwrap).count() > 0);
            }
        }
        4 => {
            let speak = |_| model.speak(request.clone()).unwrap();
            let mut speeches: Vec<_> = (0..3).map(speak).collect();
            for _ in 0..dice.below(3) {
                speeches[0].next();
            }
            speeches[dice.below(3)].cancel();
            for speech in speeches {
                speech.collect_audio().unwrap();
            }
        }
        5 => {
            let codes = model.encode(&recording(8_000 + dice.below(4_000))).unwrap();
            assert_eq!(model.decode(&codes).unwrap().len(), codes.codes.len() * 1920);
        }
        _ => assert!(model.speak(request.clone().language("klingon")).is_err()),
    }
}

/// Returns the bytes in use once the model's thread has dropped the earlier requests.
fn settled_usage(model: &Synthesizer) -> usize {
    model.decode(&SpeechCodes { codes: vec![vec![0; 16]] }).unwrap();
    MEMORY.current_usage()
}

#[test]
fn memory_is_flat_over_a_thousand_requests() {
    let model = load("base_0b6");
    let voices = [voice(None), voice(Some("Slowly she said."))];
    let mut dice = Dice::new(7);
    let mut used = Vec::with_capacity(REQUESTS);
    for n in 0..REQUESTS {
        let request = SpeechRequest::new("One two three.")
            .cloned(voices[n % 2].clone())
            .seed(n as u64)
            .max_frames(1 + dice.below(6));
        // The first ten cover every way, so that all memory kept for later is allocated.
        let way = if n < 10 { n % 7 } else { dice.below(7) };
        request_once(&model, &request, way, &mut dice);
        used.push(settled_usage(&model));
    }
    let most = |range: std::ops::Range<usize>| used[range].iter().copied().max().unwrap_or(0);
    // Within a hundred requests each kind has been in the largest company, so that the buffers
    // of the threads have their size.
    let (early, late) = (most(REQUESTS / 10..REQUESTS / 5), most(REQUESTS * 9 / 10..REQUESTS));
    assert!(late <= early + SLACK, "{late} bytes after a thousand requests, {early} after some");
    assert!(late <= used[9] + BUFFERS, "{late} bytes, {} after the tenth", used[9]);
}
