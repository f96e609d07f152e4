//! Events on the wire: a line of JSON, then data in JSON, then bytes.

use std::io;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt};

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Name of the event, such as `synthesize`.
    pub kind: String,
    /// Data of the event.
    pub data: Map<String, Value>,
}

/// Maximum sizes of the parts of an event in bytes.
#[derive(Debug, Clone, Copy)]
pub struct EventLimits {
    /// The line, and the data after it, each.
    pub data: usize,
    /// Bytes after the data.
    pub payload: usize,
}

/// The reason why an event cannot be read. Where the next one begins is not known then.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// A part is too large.
    #[error("the {part} of an event has more than {most} bytes")]
    TooLarge {
        /// Name of the part.
        part: &'static str,
        /// Maximum size.
        most: usize,
    },

    /// A part is not what the protocol says.
    #[error("not an event: {0}")]
    Malformed(String),

    /// The connection ends in the middle of an event.
    #[error("the connection ended in the middle of an event")]
    Torn,

    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(io::Error),
}

/// Reads an event. Its bytes after the data are dropped. Returns `None` at the end of the connection.
///
/// # Errors
/// Returns an error if the bytes are no event, or too many.
pub async fn read_event(
    reader: &mut (impl AsyncBufRead + Unpin),
    limits: EventLimits,
) -> Result<Option<Event>, EventError> {
    let Some(line) = read_line(reader, limits.data).await? else { return Ok(None) };
    let mut header = object(&line, "header")?;
    let kind = match header.remove("type") {
        Some(Value::String(kind)) => kind,
        _ => return Err(EventError::Malformed("the header has no `type`".to_owned())),
    };
    let mut data = match header.remove("data") {
        Some(Value::Object(data)) => data,
        None | Some(Value::Null) => Map::new(),
        Some(_) => return Err(EventError::Malformed("`data` is not an object".to_owned())),
    };
    let n_data = length(&header, "data_length", limits.data)?;
    let n_payload = length(&header, "payload_length", limits.payload)?;
    if n_data > 0 {
        let mut bytes = vec![0; n_data];
        reader.read_exact(&mut bytes).await.map_err(torn)?;
        data.extend(object(&bytes, "data")?);
    }
    skip(reader, n_payload).await?;
    Ok(Some(Event { kind, data }))
}

/// Returns the bytes of an event.
pub fn write_event(kind: &str, data: Value, payload: &[u8]) -> Vec<u8> {
    let has_data = data.as_object().is_some_and(|data| !data.is_empty());
    let data = if has_data { data.to_string() } else { String::new() };
    let mut header = json!({ "type": kind });
    if has_data {
        header["data_length"] = data.len().into();
    }
    if !payload.is_empty() {
        header["payload_length"] = payload.len().into();
    }
    let mut bytes = format!("{header}\n{data}").into_bytes();
    bytes.extend(payload);
    bytes
}

/// Reads a line without its end. Returns `None` if nothing comes.
async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    most: usize,
) -> Result<Option<Vec<u8>>, EventError> {
    let mut line = Vec::new();
    let mut limited = (&mut *reader).take(most as u64 + 1);
    limited.read_until(b'\n', &mut line).await.map_err(EventError::Io)?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() >= most => Err(EventError::TooLarge { part: "header", most }),
        Some(_) => Err(EventError::Torn),
    }
}

fn object(bytes: &[u8], part: &str) -> Result<Map<String, Value>, EventError> {
    serde_json::from_slice(bytes)
        .map_err(|error| EventError::Malformed(format!("the {part} is not a JSON object: {error}")))
}

fn length(
    header: &Map<String, Value>,
    name: &'static str,
    most: usize,
) -> Result<usize, EventError> {
    let Some(value) = header.get(name).filter(|value| !value.is_null()) else { return Ok(0) };
    let length = value.as_u64().and_then(|length| usize::try_from(length).ok());
    let wrong = || EventError::Malformed(format!("`{name}` is not a number of bytes"));
    let length = length.ok_or_else(wrong)?;
    let part = name.trim_end_matches("_length");
    if length > most { Err(EventError::TooLarge { part, most }) } else { Ok(length) }
}

async fn skip(reader: &mut (impl AsyncRead + Unpin), n_bytes: usize) -> Result<(), EventError> {
    let mut skipped = reader.take(n_bytes as u64);
    let n_skipped = tokio::io::copy(&mut skipped, &mut tokio::io::sink()).await;
    match n_skipped.map_err(EventError::Io)? {
        n_skipped if n_skipped == n_bytes as u64 => Ok(()),
        _ => Err(EventError::Torn),
    }
}

fn torn(error: io::Error) -> EventError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => EventError::Torn,
        _ => EventError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: EventLimits = EventLimits { data: 128, payload: 32 };

    /// Reads all events of the bytes.
    async fn read(mut bytes: &[u8]) -> Result<Vec<Event>, EventError> {
        let mut events = Vec::new();
        while let Some(event) = read_event(&mut bytes, LIMITS).await? {
            events.push(event);
        }
        Ok(events)
    }

    fn event(kind: &str, data: Value) -> Event {
        let Value::Object(data) = data else { panic!("an object") };
        Event { kind: kind.to_owned(), data }
    }

    #[tokio::test]
    async fn data_comes_in_the_line_or_after_it() {
        let bytes = [
            &b"{\"type\":\"describe\"}\n"[..],
            b"{\"type\":\"a\",\"version\":\"1.10.2\",\"data\":{\"x\":1,\"y\":2},\"data_length\":7}\n{\"x\":3}",
            b"{\"type\":\"b\",\"data\":null,\"data_length\":null,\"payload_length\":3}\nabc",
            b"{\"type\":\"c\",\"data_length\":0}\r\n",
        ];
        let expected = [
            event("describe", json!({})),
            event("a", json!({ "x": 3, "y": 2 })),
            event("b", json!({})),
            event("c", json!({})),
        ];
        assert_eq!(read(&bytes.concat()).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        let mut bytes = write_event("audio-chunk", json!({ "rate": 24_000 }), b"{}\n");
        bytes.extend(write_event("synthesize-stopped", json!({}), b""));
        assert!(
            bytes.starts_with(
                b"{\"data_length\":14,\"payload_length\":3,\"type\":\"audio-chunk\"}\n"
            )
        );
        assert!(bytes.ends_with(b"{\"type\":\"synthesize-stopped\"}\n"));
        let expected = [
            event("audio-chunk", json!({ "rate": 24_000 })),
            event("synthesize-stopped", json!({})),
        ];
        assert_eq!(read(&bytes).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn sizes_are_limited_before_the_bytes_come() {
        for (bytes, part) in [
            ("{\"type\":\"a\",\"data_length\":129}\n", "data"),
            ("{\"type\":\"a\",\"payload_length\":18446744073709551615}\n", "payload"),
            (&"a".repeat(129), "header"),
        ] {
            let error = read(bytes.as_bytes()).await.unwrap_err();
            assert!(
                matches!(error, EventError::TooLarge { part: found, .. } if found == part),
                "{error}"
            );
        }
        let longest = format!("{{\"type\":\"{}\"}}\n", "a".repeat(117));
        assert_eq!(longest.len(), 129);
        assert_eq!(read(longest.as_bytes()).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn other_bytes_are_no_events() {
        for bytes in [
            "\n",
            "GET / HTTP/1.1\r\n",
            "[]\n",
            "{}\n",
            "{\"type\":7}\n",
            "{\"type\":\"a\",\"data\":[]}\n",
            "{\"type\":\"a\",\"data_length\":-1}\n",
            "{\"type\":\"a\",\"data_length\":1.5}\n",
            "{\"type\":\"a\",\"data_length\":2}\n[]",
            "\u{0}\u{1}\n",
        ] {
            let error = read(bytes.as_bytes()).await.unwrap_err();
            assert!(matches!(error, EventError::Malformed(_)), "{bytes:?}: {error}");
        }
        assert!(matches!(read(b"\xff\xfe\n").await.unwrap_err(), EventError::Malformed(_)));
    }

    #[tokio::test]
    async fn an_event_may_be_torn_anywhere() {
        let whole = b"{\"type\":\"a\",\"data_length\":7,\"payload_length\":3}\n{\"x\":3}abc";
        assert!(read(whole).await.is_ok());
        for end in 1..whole.len() {
            let error = read(&whole[..end]).await.unwrap_err();
            assert!(matches!(error, EventError::Torn), "{end}: {error}");
        }
    }
}
