//! HTTP at the byte level, for requests that a client library would repair or hide.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Timeout for reading a response.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends these bytes and returns one response, or everything up to the end of the connection.
pub async fn send_bytes(address: SocketAddr, bytes: impl Into<Vec<u8>>) -> String {
    let bytes = bytes.into();
    let exchange = tokio::task::spawn_blocking(move || {
        let mut stream = connect(address);
        // The server may respond and close the connection before it has read everything.
        let _ = stream.write_all(&bytes);
        read_response(&mut stream)
    });
    exchange.await.expect("an exchange")
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(READ_TIMEOUT)).expect("a time to wait");
    stream
}

/// Reads one response with `Content-Length`, or everything up to the end of the connection.
pub fn read_response(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    let mut part = [0; 4096];
    while !is_complete(&response) {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(amount) => response.extend_from_slice(&part[..amount]),
        }
    }
    String::from_utf8_lossy(&response).into_owned()
}

fn is_complete(response: &[u8]) -> bool {
    let text = String::from_utf8_lossy(response);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    length.is_none_or(|length: usize| body.len() >= length)
}

/// The status code of a response.
pub fn status_code(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// A POST request with these headers in addition to `Host` and `Content-Length`.
pub fn post_request(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST /graphql HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
