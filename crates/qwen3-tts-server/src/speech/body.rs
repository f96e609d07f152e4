//! The body of an answer: audio encoded as it is made.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::encoder::BlockEncoder;
use super::frames::Frames;
use super::utterance::{Usage, Utterance};
use crate::error::{ApiError, ApiResult};

/// Number of blocks of bytes that wait for the client.
const BLOCKS: usize = 2;

/// A part of the body.
enum Part {
    Block(io::Result<Bytes>),
    /// The body is complete.
    End,
}

/// Encodes a speech as it is made. Returns when its first audio is there.
///
/// # Errors
/// Returns an error if the speech fails before that. A later failure breaks the body off, as does a
/// client that takes nothing for `slow_reader`.
pub async fn audio_body(
    mut utterance: Utterance,
    frames: Frames,
    slow_reader: Duration,
    on_slow: impl FnOnce() + Send + 'static,
) -> ApiResult<Body> {
    let mut encoding = BlockEncoder::begin(&utterance.format, utterance.sample_rate())?;
    let first = utterance.next().await.transpose()?.unwrap_or_default();
    let first = encoding.push(first).await?;
    let (sender, receiver) = mpsc::channel(BLOCKS);
    tokio::spawn(async move {
        let client = Client { sender, slow_reader };
        let pump = Pump { utterance, encoding, frames, client };
        if pump.run(first).await.is_err_and(|stopped| stopped == Stopped::Slow) {
            tracing::warn!("a client took no audio for {} s", slow_reader.as_secs());
            on_slow();
        }
    });
    Ok(Body::from_stream(parts(receiver)))
}

/// Encodes a speech when it is complete.
///
/// # Errors
/// Returns an error if the speech fails.
pub async fn whole_audio(mut utterance: Utterance) -> ApiResult<(Vec<u8>, Usage)> {
    let mut encoding = BlockEncoder::begin(&utterance.format, utterance.sample_rate())?;
    let mut bytes = Vec::new();
    while let Some(samples) = utterance.next().await.transpose()? {
        bytes.extend(encoding.push(samples).await?);
    }
    let finished = encoding.finish().await?;
    bytes.extend(finished.rest);
    bytes[..finished.head.len()].copy_from_slice(&finished.head);
    Ok((bytes, utterance.usage()))
}

/// Carries audio from a speech to a client.
struct Pump {
    utterance: Utterance,
    encoding: BlockEncoder,
    frames: Frames,
    client: Client,
}

/// The other end of a body.
struct Client {
    sender: Sender<Part>,
    slow_reader: Duration,
}

/// The reason why a pump stops early.
#[derive(Debug, PartialEq, Eq)]
enum Stopped {
    /// The client left.
    Left,
    /// The client takes nothing.
    Slow,
}

impl Pump {
    async fn run(mut self, first: Vec<u8>) -> Result<(), Stopped> {
        let mut bytes = first;
        loop {
            if !bytes.is_empty() {
                self.client.send(Part::Block(Ok(self.frames.audio(bytes)))).await?;
            }
            let next = tokio::select! {
                biased;
                () = self.client.sender.closed() => return Err(Stopped::Left),
                next = self.utterance.next() => next,
            };
            let encoded = match next {
                Some(Ok(samples)) => self.encoding.push(samples).await,
                Some(Err(error)) => Err(error),
                None => break,
            };
            match encoded {
                Ok(encoded) => bytes = encoded,
                Err(error) => return self.fail(&error).await,
            }
        }
        match self.encoding.finish().await {
            Ok(finished) => self.complete(finished.rest).await,
            Err(error) => self.fail(&error).await,
        }
    }

    async fn complete(&mut self, rest: Vec<u8>) -> Result<(), Stopped> {
        if !rest.is_empty() {
            self.client.send(Part::Block(Ok(self.frames.audio(rest)))).await?;
        }
        let end = self.frames.end(self.utterance.usage());
        if !end.is_empty() {
            self.client.send(Part::Block(Ok(end))).await?;
        }
        self.client.send(Part::End).await
    }

    async fn fail(&mut self, error: &ApiError) -> Result<(), Stopped> {
        tracing::error!(error = %error.message, "the speech failed");
        let block = self.frames.failure(error);
        let is_complete = block.is_ok();
        self.client.send(Part::Block(block)).await?;
        if is_complete { self.client.send(Part::End).await } else { Ok(()) }
    }
}

impl Client {
    async fn send(&self, part: Part) -> Result<(), Stopped> {
        use mpsc::error::SendTimeoutError::{Closed, Timeout};
        self.sender.send_timeout(part, self.slow_reader).await.map_err(|error| match error {
            Closed(_) => Stopped::Left,
            Timeout(_) => Stopped::Slow,
        })
    }
}

/// Returns the blocks of a body. One that ends without [`Part::End`] breaks off.
fn parts(receiver: Receiver<Part>) -> impl futures_core::Stream<Item = io::Result<Bytes>> {
    futures_util::stream::unfold(Some(receiver), async |receiver| {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Part::Block(Ok(block))) => Some((Ok(block), Some(receiver))),
            Some(Part::Block(Err(error))) => Some((Err(error), None)),
            Some(Part::End) => None,
            None => Some((Err(io::Error::other("the audio was cut")), None)),
        }
    })
}
