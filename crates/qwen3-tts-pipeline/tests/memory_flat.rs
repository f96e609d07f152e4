//! What a request held is free once it is over, however it ended: one test, alone in its program,
//! which counts every byte.

mod support;

use peak_alloc::PeakAlloc;
use qwen3_tts_pipeline::{Batch, BatchEvent, ChunkSchedule, SpeechRequest, Synthesizer, TextMode};
use support::{load, voice};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const REQUESTS: usize = 1000;

/// Less than any leak of some hundred bytes for each request adds up to.
const SLACK: usize = 256 << 10;

/// Numbers that look drawn, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % n
    }
}

/// One request, whole or given up somewhere.
fn speak(model: &Synthesizer, request: &SpeechRequest, way: usize, dice: &mut Dice) {
    match way {
        0 => drop(model.synthesize(request).unwrap()),
        1 => drop(model.stream(request).unwrap().map(Result::unwrap).count()),
        2 => {
            let mut stream = model.stream_with(request, ChunkSchedule::every(1)).unwrap();
            for _ in 0..dice.below(8) {
                stream.next();
            }
        }
        3 => {
            let request = request.clone().text_mode(TextMode::Streaming);
            let (mut text, stream) = model.stream_text(&request, ChunkSchedule::default()).unwrap();
            text.push("Eins, zwei, ").unwrap();
            if dice.below(2) == 0 {
                text.push("drei.").unwrap();
                drop(text);
                assert!(stream.map(Result::unwrap).count() > 0);
            }
        }
        4 => {
            let mut batch = Batch::new(model);
            let ids: Vec<usize> = (0..3).map(|_| batch.add(request).unwrap()).collect();
            let cancel_at = dice.below(6);
            for step in 0.. {
                if step == cancel_at {
                    batch.cancel(ids[dice.below(3)]);
                }
                let events = batch.step();
                assert!(!events.iter().any(|(_, event)| matches!(event, BatchEvent::Failed(_))));
                if batch.is_empty() {
                    break;
                }
            }
        }
        _ => assert!(model.synthesize(&request.clone().language("klingon")).is_err()),
    }
}

#[test]
fn memory_is_flat_over_a_thousand_requests() {
    let model = load("base_0b6");
    let voices = [voice(None), voice(Some("Slowly she said."))];
    let mut dice = Dice(7);
    let mut used = Vec::with_capacity(REQUESTS);
    for n in 0..REQUESTS {
        let request = SpeechRequest::new("One two three.")
            .cloned(voices[n % 2].clone())
            .seed(n as u64)
            .max_frames(1 + dice.below(6));
        // The first ten show every way, so that whatever is kept for later is there.
        let way = if n < 10 { n % 6 } else { dice.below(6) };
        speak(&model, &request, way, &mut dice);
        used.push(MEMORY.current_usage());
    }
    let most = |range: std::ops::Range<usize>| used[range].iter().copied().max().unwrap_or(0);
    let (early, late) = (most(10..REQUESTS / 10), most(REQUESTS * 9 / 10..REQUESTS));
    assert!(late <= early + SLACK, "{late} bytes after a thousand requests, {early} after some");
    assert!(late <= used[9] * 11 / 10, "{late} bytes, {} after the tenth", used[9]);
}
