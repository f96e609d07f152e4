//! `POST /v1/audio/speech`: a text as audio.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use qwen3_tts_audio::Format;

use super::input::json_body;
use crate::access::Caller;
use crate::error::{ApiResult, ErrorBody};
use crate::service::Service;
use crate::speech::{
    Frames, SpeechFields, StreamFormat, Utterance, audio_body, parse, whole_audio,
};

/// Header with the seed of the speech, with which it can be spoken again.
const SEED: HeaderName = HeaderName::from_static("x-seed");

/// Header with which nginx passes an answer on as it comes, whatever its settings.
const PROXY_BUFFER: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Speak a text
///
/// The audio is sent as it is made.
#[utoipa::path(
    post,
    path = "/v1/audio/speech",
    tag = "speech",
    request_body = SpeechFields,
    responses(
        (status = 200, description = "The audio, or events with it", content(
            (String = "audio/mpeg"), (String = "audio/aac"), (String = "audio/ogg"),
            (String = "audio/flac"), (String = "audio/wav"), (String = "audio/pcm"),
            (String = "text/event-stream"),
        )),
        (status = 400, description = "The request is wrong", body = ErrorBody),
        (status = 401, description = "A valid key is missing", body = ErrorBody),
        (status = 404, description = "There is no such model or voice", body = ErrorBody),
        (status = 408, description = "The body took too long", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body is not JSON", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 500, description = "The speech failed", body = ErrorBody),
        (status = 503, description = "The service is ending, or short of memory", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub async fn speech(
    State(service): State<Arc<Service>>,
    caller: Caller,
    request: Request,
) -> ApiResult<Response> {
    let begin = Instant::now();
    let permit = service.admit(&caller)?;
    let limits = &service.settings.limits;
    let body = json_body(request, service.max_speech_bytes(), limits.receive).await?;
    let fields = parse(&body)?;
    let utterance = service.speak(&fields, Format::Mp3, permit, begin).await?;
    answer(&service, &fields, utterance).await
}

async fn answer(
    service: &Arc<Service>,
    fields: &SpeechFields,
    utterance: Utterance,
) -> ApiResult<Response> {
    let is_event_stream = fields.stream_format == Some(StreamFormat::Sse);
    let content_type = match is_event_stream {
        true => "text/event-stream",
        false => utterance.format.content_type(),
    };
    let seed = utterance.seed();
    let is_whole = fields.stream == Some(false) && !is_event_stream;
    let body = match is_whole {
        true => Body::from(whole_audio(utterance).await?.0),
        false => {
            let frames = if is_event_stream { Frames::Events } else { Frames::Plain };
            let slow_readers = service.metrics.slow_readers.clone();
            let slow_reader = service.settings.limits.slow_reader;
            audio_body(utterance, frames, slow_reader, move || slow_readers.increment(1)).await?
        }
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (SEED, HeaderValue::from(seed)),
    ];
    let mut response = (headers, body).into_response();
    if !is_whole {
        response.headers_mut().insert(PROXY_BUFFER, HeaderValue::from_static("no"));
    }
    Ok(response)
}
