//! A request on the model's thread: its pieces in the order of the text.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::codes::SpeechCodes;
use super::delivery::{Delivery, Message};
use super::incremental::TextFeed;
use super::output::{AudioChunk, PieceOutput, Progress};
use super::pace::Pace;
use super::plan::{Plan, Planner};
use super::request::ChunkSchedule;
use super::script::Script;
use super::sequence::{Decoded, Sequence, Spoken};
use super::stop_reason::StopReason;
use crate::error::{Error, Result};

/// A request that waits for its turn or is being spoken.
pub(super) struct Job {
    text: Text,
    delivery: Delivery,
    begin: Instant,
    sample_rate: u32,
    /// Pieces that have not started.
    to_start: VecDeque<usize>,
    /// Pieces that have not been delivered.
    to_deliver: VecDeque<usize>,
    /// Whole pieces that wait for those before them.
    finished: BTreeMap<usize, (Vec<f32>, PieceOutput)>,
    n_active: usize,
    has_started: bool,
    /// Number of frames of the pieces that are complete.
    frames: usize,
    /// Number of pieces that are complete.
    n_ended: usize,
    pace: Pace,
    /// Number of frames expected of the pieces that have not started.
    to_start_frames: usize,
    /// Maximum number of frames of all pieces.
    max_frames: usize,
}

enum Text {
    /// The text is known: its pieces are planned as they start.
    Known(Script),
    /// The text is incremental: one piece, whose plan and feed are taken as it starts.
    Incremental(Option<Box<(Plan, TextFeed)>>, ChunkSchedule),
}

/// A piece that is being spoken.
pub(super) struct Attempt {
    pub piece: usize,
    /// Number of retries before this one.
    retry: usize,
    /// Samples of a piece that is delivered whole.
    held: Vec<f32>,
    pub sequence: Sequence,
}

impl Job {
    /// Creates the job of a request whose text is known.
    pub fn new(script: Script, delivery: Delivery, sample_rate: u32, begin: Instant) -> Self {
        let skip = &script.request.long_text.skip;
        let order: VecDeque<usize> =
            (0..script.pieces.len()).filter(|index| !skip.contains(index)).collect();
        let lead = script.text.lead;
        let job = Self::of(Text::Known(script), order, delivery, sample_rate, begin);
        job.send_silence(0, 0, lead);
        job
    }

    /// Creates the job of a request whose text is incremental.
    pub fn incremental(
        (plan, feed, chunks): (Plan, TextFeed, ChunkSchedule),
        delivery: Delivery,
        sample_rate: u32,
        begin: Instant,
    ) -> Self {
        let text = Text::Incremental(Some(Box::new((plan, feed))), chunks);
        Self::of(text, VecDeque::from([0]), delivery, sample_rate, begin)
    }

    fn of(
        text: Text,
        order: VecDeque<usize>,
        delivery: Delivery,
        sample_rate: u32,
        begin: Instant,
    ) -> Self {
        let mut job = Self {
            text,
            delivery,
            begin,
            sample_rate,
            to_start: order.clone(),
            to_deliver: order,
            finished: BTreeMap::new(),
            n_active: 0,
            has_started: false,
            frames: 0,
            n_ended: 0,
            pace: Pace::default(),
            to_start_frames: 0,
            max_frames: 0,
        };
        let limits = job.to_start.iter().map(|piece| job.limit(*piece));
        job.max_frames = limits.fold(0, usize::saturating_add);
        job.expect();
        job.report_progress([].into_iter());
        job
    }

    /// Returns true if its holder has dropped or cancelled the speech.
    pub fn is_given_up(&self) -> bool {
        self.delivery.is_closed() || self.delivery.is_cancelled()
    }

    /// Returns true if a piece of it has started.
    pub fn has_started(&self) -> bool {
        self.has_started
    }

    /// Returns the number of its pieces that are being spoken.
    pub fn n_active(&self) -> usize {
        self.n_active
    }

    /// Returns true if another piece may start now.
    pub fn may_start(&self) -> bool {
        let together = self.together();
        // Pieces that overtake a slow one wait in memory.
        let waiting = self.n_active + self.finished.len();
        !self.to_start.is_empty()
            && self.n_active < together
            && waiting < 2 * together
            && self.delivery.has_room()
    }

    /// Returns true if the pieces under way may go on: pieces delivered in chunks pause while
    /// their holder has enough of them.
    pub fn may_go_on(&self) -> bool {
        self.chunks().whole_pieces || self.delivery.has_room()
    }

    /// Starts the next piece.
    pub fn start(&mut self, planner: &Planner) -> Result<Option<Attempt>> {
        let Some(piece) = self.to_start.pop_front() else { return Ok(None) };
        self.has_started = true;
        self.n_active += 1;
        self.expect();
        self.attempt(planner, piece, 0).map(Some)
    }

    fn attempt(&mut self, planner: &Planner, piece: usize, retry: usize) -> Result<Attempt> {
        let is_first = self.frames == 0 && self.to_deliver.front() == Some(&piece);
        let begin = if is_first { self.begin } else { Instant::now() };
        let chunks = self.chunks();
        let (plan, feed) = match &mut self.text {
            Text::Known(script) => (script.plan(planner, piece, retry)?, None),
            Text::Incremental(open, _) => {
                let open = open.take();
                let open = open.ok_or_else(|| Error::Internal("no text to start".to_owned()))?;
                let (plan, feed) = *open;
                (plan, Some(feed))
            }
        };
        let sequence = Sequence::new(plan, feed, chunks, begin);
        if !self.is_split() {
            self.max_frames = sequence.max_frames();
        }
        Ok(Attempt { piece, retry, held: Vec::new(), sequence })
    }

    /// Delivers decoded frames, or keeps them until their piece is complete.
    pub fn accept_chunk(&self, attempt: &mut Attempt, decoded: Decoded) {
        if self.chunks().whole_pieces {
            attempt.held.extend(decoded.samples);
            return;
        }
        self.send_chunk(attempt.piece, decoded);
    }

    /// Accepts a piece that has ended. Returns another attempt if it ran away.
    pub fn accept(&mut self, attempt: Attempt, planner: &Planner) -> Result<Option<Attempt>> {
        let Attempt { piece, retry, held, sequence } = attempt;
        let spoken = sequence.finish();
        let is_runaway = spoken.stop_reason == StopReason::MaxFrames && self.is_bounded(piece);
        if is_runaway && self.may_retry(retry + 1) {
            return self.attempt(planner, piece, retry + 1).map(Some);
        }
        self.n_active -= 1;
        self.n_ended += 1;
        self.frames += spoken.codes.len();
        self.pace.add(self.tokens(piece), spoken.codes.len());
        self.expect();
        let output = self.output(piece, retry + 1, is_runaway, spoken);
        self.finished.insert(piece, (held, output));
        self.deliver_finished();
        Ok(None)
    }

    /// Returns true if all pieces are delivered.
    pub fn is_done(&self) -> bool {
        self.to_deliver.is_empty()
    }

    /// Ends a job that is done.
    pub fn finish(self) {
        self.report_progress([].into_iter());
        self.end(false);
    }

    /// Ends a job before all of it is spoken. The frames of a piece whose chunks were delivered
    /// are reported.
    pub fn cancel(self, attempts: Vec<Attempt>) {
        if !self.chunks().whole_pieces {
            for Attempt { piece, sequence, .. } in attempts {
                let spoken = sequence.finish();
                let output = self.output(piece, 1, false, spoken);
                self.delivery.send(Message::Piece(Arc::new(output)));
            }
        }
        self.end(true);
    }

    /// Ends a job that failed.
    pub fn fail(self, error: Error) {
        self.delivery.send(Message::Failed(error));
    }

    /// Reports progress, given the pieces that are under way.
    pub fn report_progress<'a>(&self, active: impl Iterator<Item = &'a Attempt> + Clone) {
        let n_frames = active.clone().map(|attempt| attempt.sequence.n_frames());
        let expected = active.map(|attempt| match &self.text {
            Text::Known(_) => self.expected(attempt.piece).max(attempt.sequence.n_frames()),
            Text::Incremental(..) => attempt.sequence.expected_frames(),
        });
        let expected_frames = self.frames + expected.sum::<usize>() + self.to_start_frames;
        self.delivery.set_progress(Progress {
            frames: self.frames + n_frames.sum::<usize>(),
            expected_frames: expected_frames.min(self.max_frames),
            max_frames: self.max_frames,
            ended_pieces: self.n_ended,
            active_pieces: self.n_active,
        });
    }

    /// Estimates the length of the pieces that have not started.
    fn expect(&mut self) {
        self.to_start_frames = self.to_start.iter().map(|piece| self.expected(*piece)).sum();
    }

    /// Returns the number of frames expected of a piece, from what its text has taken so far.
    fn expected(&self, piece: usize) -> usize {
        self.pace.expected(self.tokens(piece)).min(self.limit(piece))
    }

    fn tokens(&self, piece: usize) -> usize {
        match &self.text {
            Text::Known(script) => script.pieces[piece].tokens,
            Text::Incremental(..) => 0,
        }
    }

    fn limit(&self, piece: usize) -> usize {
        match &self.text {
            Text::Known(script) => script.limit(piece),
            Text::Incremental(..) => usize::MAX,
        }
    }

    fn end(self, is_cancelled: bool) {
        let processing_time = self.begin.elapsed();
        self.delivery.send(Message::Done { is_cancelled, processing_time });
    }

    fn deliver_finished(&mut self) {
        while let Some((piece, (samples, output))) = self.next_finished() {
            self.to_deliver.retain(|waiting| *waiting != piece);
            let (n_frames, pause) = (output.codes.codes.len(), output.pause);
            if self.chunks().whole_pieces && n_frames > 0 {
                self.send_chunk(piece, Decoded { samples, first_frame: 0, n_frames });
            }
            self.delivery.send(Message::Piece(Arc::new(output)));
            self.send_silence(piece, n_frames, pause);
        }
    }

    fn send_silence(&self, piece: usize, first_frame: usize, pause: Duration) {
        if !pause.is_zero() {
            let samples = silence(pause, self.sample_rate);
            self.send_chunk(piece, Decoded { samples, first_frame, n_frames: 0 });
        }
    }

    /// Takes the finished piece that is due: the next one of the text, or any.
    fn next_finished(&mut self) -> Option<(usize, (Vec<f32>, PieceOutput))> {
        if self.is_unordered() {
            return self.finished.pop_first();
        }
        let piece = *self.to_deliver.front()?;
        Some((piece, self.finished.remove(&piece)?))
    }

    fn send_chunk(&self, piece: usize, decoded: Decoded) {
        let Decoded { samples, first_frame, n_frames } = decoded;
        let sample_rate = self.sample_rate;
        let chunk = AudioChunk { samples, sample_rate, piece, first_frame, n_frames };
        self.delivery.send(Message::Chunk(chunk));
    }

    fn output(
        &self,
        index: usize,
        attempts: usize,
        is_runaway: bool,
        spoken: Spoken,
    ) -> PieceOutput {
        let (range, pause) = self.place(index);
        let Spoken { codes, stop_reason, seed, prompt_tokens, timings } = spoken;
        let codes = SpeechCodes { codes };
        PieceOutput {
            index,
            range,
            codes,
            stop_reason,
            seed,
            attempts,
            is_runaway,
            pause,
            prompt_tokens,
            timings,
        }
    }

    /// Returns where a piece is in the text, and the silence after it.
    fn place(&self, piece: usize) -> (Range<usize>, Duration) {
        match &self.text {
            Text::Known(script) => (script.pieces[piece].range.clone(), script.pause(piece)),
            Text::Incremental(..) => (0..0, Duration::ZERO),
        }
    }

    fn chunks(&self) -> ChunkSchedule {
        match &self.text {
            Text::Known(script) => script.request.chunks,
            Text::Incremental(_, chunks) => *chunks,
        }
    }

    fn together(&self) -> usize {
        match &self.text {
            Text::Known(script) => script.together(),
            Text::Incremental(..) => 1,
        }
    }

    fn is_split(&self) -> bool {
        matches!(&self.text, Text::Known(script) if script.pieces.len() > 1)
    }

    fn is_unordered(&self) -> bool {
        matches!(&self.text, Text::Known(script) if script.request.long_text.unordered)
    }

    fn is_bounded(&self, piece: usize) -> bool {
        matches!(&self.text, Text::Known(script) if script.span(piece).is_some())
    }

    fn may_retry(&self, attempts: usize) -> bool {
        matches!(&self.text, Text::Known(script) if script.may_retry(attempts))
    }
}

/// Samples of a pause.
fn silence(pause: Duration, sample_rate: u32) -> Vec<f32> {
    vec![0.0; (pause.as_nanos() * u128::from(sample_rate) / 1_000_000_000) as usize]
}
