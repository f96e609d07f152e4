//! An HTTP server that streams speech as a chunked body of 16-bit samples:
//! `cargo run --release -p qwen3-tts-pipeline --example http -- 127.0.0.1:8000`, then
//! `curl --data "Hello there!" http://127.0.0.1:8000 | aplay -f S16_LE -r 24000`.
//!
//! With `--check` it requests a speech from itself and ends.

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use futures_util::StreamExt;
use qwen3_tts_audio::{Encoder, Encoding, Format, Metadata};
use qwen3_tts_pipeline::{Error, ErrorKind, LoadOptions, ModelFiles, SpeechRequest, Synthesizer};

async fn speak(State(tts): State<Synthesizer>, text: String) -> Result<Body, (StatusCode, String)> {
    let speech = tts.speak(SpeechRequest::new(text)).map_err(refusal)?;
    let pcm = Encoding::new(Format::Pcm);
    let mut encoder = Encoder::new(&pcm, speech.sample_rate(), Metadata::default())
        .expect("samples have any rate");
    let samples =
        StreamExt::map(speech, move |chunk| chunk.map(|chunk| encoder.push(&chunk.samples)));
    Ok(Body::from_stream(samples))
}

fn refusal(error: Error) -> (StatusCode, String) {
    let status = match error.kind() {
        ErrorKind::InvalidRequest => StatusCode::BAD_REQUEST,
        ErrorKind::Busy => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, error.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = std::env::args().nth(1).unwrap_or("--check".to_owned());
    let files = ModelFiles::embedded(qwen3_tts_demo::custom_voice());
    let tts = Synthesizer::from_files(&files, &LoadOptions::default())?;
    let app = axum::Router::new().route("/", post(speak)).with_state(tts);
    let is_check = argument == "--check";
    let address = if is_check { "127.0.0.1:0" } else { &argument };
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    if is_check {
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, app).await });
        return check(address).await;
    }
    Ok(axum::serve(listener, app).await?)
}

/// Requests a speech from the server at `address`, and one that it refuses.
async fn check(address: std::net::SocketAddr) -> Result<(), Box<dyn std::error::Error>> {
    for (text, status) in [("Hello there!", "200"), (" ", "400")] {
        let response = ask(address, text).await?;
        let head = String::from_utf8_lossy(&response[..response.len().min(400)]).to_lowercase();
        println!("{text:?}: {} bytes, {}", response.len(), head.lines().next().unwrap_or_default());
        let is_speech = head.contains("transfer-encoding: chunked") && response.len() > 10_000;
        if !head.starts_with(&format!("http/1.1 {status}")) || (status == "200") != is_speech {
            return Err(format!("{text:?}: another answer was expected").into());
        }
    }
    Ok(())
}

async fn ask(address: std::net::SocketAddr, text: &str) -> std::io::Result<Vec<u8>> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let length = text.len();
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length:";
    stream.write_all(format!("{head} {length}\r\n\r\n{text}").as_bytes()).await?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await?;
    Ok(response)
}
