//! One request, as one of the clients makes it.

use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use super::behaviour::{Behaviour, Mix};
use super::report::{End, Outcome};
use super::texts::TEXTS;
use crate::http::{Answer, Connection};

/// Number of seeds, so that there are this many answers for each text.
const SEEDS: usize = 4;

/// Time without a byte after which a request counts as lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pause of a slow reader after each piece of [`SLOW_PIECE`] bytes: about a fifth of real time.
const SLOW_PAUSE: Duration = Duration::from_millis(400);
const SLOW_PIECE: usize = 4_096;

/// Time that a half-open connection stays.
const HALF_OPEN: Duration = Duration::from_secs(3);

/// The service, and what is asked of it.
pub struct Target {
    pub address: String,
    /// Fields of another service, whose answers are not known.
    pub fields: Option<Map<String, Value>>,
    pub voice: String,
    pub format: String,
}

/// Makes requests, and compares the answers with those that were given before the load.
pub struct Caller {
    target: Target,
    mix: Mix,
    references: Vec<Vec<u8>>,
}

impl Caller {
    /// Makes a caller that does not know the answers.
    pub fn new(target: Target, mix: Mix) -> Self {
        Self { target, mix, references: Vec::new() }
    }

    /// Asks for every answer once, alone.
    pub fn with_references(mut self) -> Result<Self> {
        let kinds = 0..TEXTS.len() * SEEDS;
        self.references = kinds
            .map(|kind| {
                let answer = self.send(kind)?;
                ensure!(answer.status == 200, "an answer without load has {}", answer.status);
                answer.read_all()
            })
            .collect::<Result<_>>()?;
        Ok(self)
    }

    /// Makes a request, again after each refusal, and returns how it went.
    pub fn call(&self, index: usize, deadline: Instant) -> Outcome {
        let kind = index % (TEXTS.len() * SEEDS);
        let behaviour = self.mix.of(index);
        let mut outcome = Outcome::new();
        if behaviour == Behaviour::HalfOpen {
            outcome.end = self.half_open().map_or_else(End::failed, |()| End::Left);
            return outcome;
        }
        let begin = Instant::now();
        loop {
            let attempt = Instant::now();
            let answer = match self.send(kind) {
                Ok(answer) => answer,
                Err(error) => return outcome.ended(End::failed(error)),
            };
            if answer.status == 200 {
                let end = self.listen(answer, kind, behaviour, attempt, &mut outcome);
                outcome.total = begin.elapsed();
                return outcome.ended(end.unwrap_or_else(End::failed));
            }
            let pause = match pause(answer) {
                Ok(pause) => pause,
                Err(error) => return outcome.ended(End::failed(error)),
            };
            outcome.refusals += 1;
            if Instant::now() + pause > deadline {
                return outcome.ended(End::Left);
            }
            std::thread::sleep(pause);
        }
    }

    fn send(&self, kind: usize) -> Result<Answer> {
        let Target { address, fields: more, voice, format } = &self.target;
        let text = TEXTS[kind % TEXTS.len()];
        let mut fields = json!({ "input": text, "voice": voice, "response_format": format });
        match more {
            Some(more) => more.iter().for_each(|(name, value)| fields[name] = value.clone()),
            None => fields["seed"] = json!(kind / TEXTS.len()),
        }
        let headers = [("Content-Type", "application/json")];
        let connection = Connection::open(address, PATIENCE)?;
        connection.send("POST", "/v1/audio/speech", &headers, fields.to_string().as_bytes())
    }

    fn listen(
        &self,
        mut answer: Answer,
        kind: usize,
        behaviour: Behaviour,
        begin: Instant,
        outcome: &mut Outcome,
    ) -> Result<End> {
        let mut heard = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        let piece = if behaviour == Behaviour::Slow { SLOW_PIECE } else { buffer.len() };
        loop {
            let read = answer.read_some(&mut buffer[..piece]).context("reading the audio")?;
            if read == 0 {
                break;
            }
            outcome.first_audio.get_or_insert_with(|| begin.elapsed());
            heard.extend_from_slice(&buffer[..read]);
            outcome.bytes = heard.len();
            match behaviour {
                Behaviour::HangUp { after } if heard.len() > after => return Ok(End::Left),
                Behaviour::Slow => std::thread::sleep(SLOW_PAUSE),
                _ => {}
            }
        }
        match self.references.get(kind) {
            Some(reference) if *reference != heard => Ok(End::Different),
            _ => Ok(End::Whole),
        }
    }

    /// Sends half of a request, waits, and leaves.
    fn half_open(&self) -> Result<()> {
        let connection = Connection::open(&self.target.address, HALF_OPEN)?;
        let head = "POST /v1/audio/speech HTTP/1.1\r\nHost: service\r\nContent-Length: 900\r\n";
        let mut stream = connection.write_raw(head.as_bytes())?;
        // Nothing is to be answered; the time limit of the connection ends the wait.
        let _ = stream.read(&mut [0; 64]);
        Ok(())
    }
}

/// Returns the time after which a refused request is to be made again.
fn pause(answer: Answer) -> Result<Duration> {
    let status = answer.status;
    let after = answer.header("retry-after").map(str::to_owned);
    let body = String::from_utf8_lossy(&answer.read_all()?).into_owned();
    ensure!(matches!(status, 429 | 503), "the status is {status}: {body}");
    let after = after.with_context(|| format!("{status} without Retry-After"))?;
    Ok(Duration::from_secs(after.parse().context("Retry-After is no number of seconds")?))
}
