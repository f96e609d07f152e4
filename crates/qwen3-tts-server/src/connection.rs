//! Connections: a client that takes nothing is cut.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;

/// Accepts connections whose writes fail once the client has taken nothing for a time.
#[derive(Debug, Clone, Copy)]
pub struct Acceptor {
    pub slow_reader: Duration,
}

/// A connection with a limit of the time of a write.
pub type Connection = Pin<Box<TimeoutStream<TcpStream>>>;

/// Sets up a connection.
pub fn connection(stream: TcpStream, slow_reader: Duration) -> io::Result<Connection> {
    // A chunk of audio is sent at once.
    stream.set_nodelay(true)?;
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(slow_reader));
    Ok(Box::pin(stream))
}

impl<S: Send + 'static> Accept<TcpStream, S> for Acceptor {
    type Stream = Connection;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Connection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        std::future::ready(connection(stream, self.slow_reader).map(|stream| (stream, service)))
    }
}
