//! As much of HTTP/1.1 as measuring a service takes, on blocking sockets.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A connection to a service, for one request.
pub struct Connection {
    stream: TcpStream,
}

/// The head of an answer, and its body to be read.
pub struct Answer {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

enum Framing {
    /// Chunks; the number of bytes left of the current one.
    Chunked {
        left: u64,
    },
    /// A number of bytes left.
    Length {
        left: u64,
    },
    /// All until the connection is closed.
    Close,
    Finished,
}

struct Body {
    stream: BufReader<TcpStream>,
    framing: Framing,
}

impl Connection {
    /// Connects to `address`; reading and writing then take at most `patience`.
    pub fn open(address: &str, patience: Duration) -> Result<Self> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_read_timeout(Some(patience)).context("setting a time limit")?;
        stream.set_write_timeout(Some(patience)).context("setting a time limit")?;
        stream.set_nodelay(true).context("setting TCP_NODELAY")?;
        Ok(Self { stream })
    }

    /// Sends a request, and returns when the head of the answer is there.
    pub fn send(
        mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: service\r\nConnection: close\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("Content-Length: {}\r\n\r\n", body.len());
        let request = [request.as_bytes(), body].concat();
        self.stream.write_all(&request).context("sending the request")?;
        Answer::read(BufReader::new(self.stream))
    }

    /// Writes bytes as they are, and returns the socket.
    pub fn write_raw(mut self, bytes: &[u8]) -> Result<TcpStream> {
        self.stream.write_all(bytes).context("sending a part of a request")?;
        Ok(self.stream)
    }
}

impl Answer {
    fn read(mut stream: BufReader<TcpStream>) -> Result<Self> {
        let status_line = read_line(&mut stream).context("reading the status")?;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("{status_line:?} is no status line"))?;
        let mut headers = Vec::new();
        loop {
            let line = read_line(&mut stream).context("reading the headers")?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let framing = framing(&headers)?;
        Ok(Self { status, headers, body: Body { stream, framing } })
    }

    /// Returns the value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Reads bytes of the body; none are left if it returns 0. A body that is cut short is an error.
    pub fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read_some(buffer)
    }

    /// Reads the whole body.
    pub fn read_all(mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut buffer = [0; 16 << 10];
        loop {
            match self.read_some(&mut buffer).context("reading the body")? {
                0 => return Ok(all),
                read => all.extend_from_slice(&buffer[..read]),
            }
        }
    }
}

impl Body {
    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if matches!(self.framing, Framing::Chunked { left: 0 }) {
            self.next_chunk()?;
        }
        let left = match &self.framing {
            Framing::Finished | Framing::Length { left: 0 } => return Ok(0),
            Framing::Close => return self.stream.read(buffer),
            Framing::Chunked { left } | Framing::Length { left } => *left,
        };
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.stream.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Framing::Chunked { left } | Framing::Length { left } = &mut self.framing {
            *left -= read as u64;
        }
        if matches!(self.framing, Framing::Chunked { left: 0 }) {
            read_line(&mut self.stream)?;
        }
        Ok(read)
    }

    /// Reads the size of the next chunk; the one of size 0 is the end.
    fn next_chunk(&mut self) -> io::Result<()> {
        let line = read_line(&mut self.stream)?;
        let left = u64::from_str_radix(line.trim(), 16)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no size of a chunk"))?;
        self.framing = Framing::Chunked { left };
        if left == 0 {
            read_line(&mut self.stream)?;
            self.framing = Framing::Finished;
        }
        Ok(())
    }
}

fn framing(headers: &[(String, String)]) -> Result<Framing> {
    if let Some(coding) = header(headers, "transfer-encoding") {
        return match coding {
            "chunked" => Ok(Framing::Chunked { left: 0 }),
            other => bail!("the transfer encoding {other} is not supported"),
        };
    }
    match header(headers, "content-length") {
        Some(length) => {
            Ok(Framing::Length { left: length.parse().context("the length is no number")? })
        }
        None => Ok(Framing::Close),
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// Reads a line without its end. The end of the stream is an error.
fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Returns what is read of an answer that is sent as it is.
    fn read(answer: &'static str) -> Result<(u16, Option<String>, Vec<u8>)> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&head[..read]).into_owned()
        });
        let connection = Connection::open(&address, Duration::from_secs(10))?;
        let answer = connection.send("POST", "/speak", &[("X-One", "1")], b"text")?;
        let request = server.join().unwrap();
        assert!(request.starts_with("POST /speak HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nX-One: 1\r\n") && request.ends_with("\r\n\r\ntext"));
        Ok((answer.status, answer.header("retry-after").map(str::to_owned), answer.read_all()?))
    }

    #[test]
    fn bodies_end_as_their_headers_say() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(read(chunked).unwrap(), (200, None, b"abc0123456789".to_vec()));
        let known = "HTTP/1.1 429 Busy\r\nRetry-After: 2\r\nContent-Length: 3\r\n\r\nabcdef";
        assert_eq!(read(known).unwrap(), (429, Some("2".to_owned()), b"abc".to_vec()));
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\nabc").unwrap().2, b"abc");
    }

    #[test]
    fn bodies_that_are_cut_short_are_errors() {
        for cut in [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "",
        ] {
            assert!(read(cut).is_err(), "{cut:?}");
        }
    }
}
