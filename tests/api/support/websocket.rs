//! A WebSocket client at the level of frames, for messages that a client library would not send.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Timeout for each message of the service.
const TIMEOUT: Duration = Duration::from_secs(60);
const HANDSHAKE: &str = "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
pub const SUB_PROTOCOL: &str = "Sec-WebSocket-Protocol: graphql-transport-ws\r\n";

/// What the service sends.
#[derive(Debug, PartialEq)]
pub enum Received {
    Text(Value),
    Ping,
    Pong(Vec<u8>),
    Close(u16, String),
    /// The connection has ended.
    End,
}

/// An open socket.
pub struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The head of the response to the handshake.
    pub head: String,
}

impl Socket {
    /// Opens a socket and initialises it.
    pub async fn initialise(address: SocketAddr) -> Self {
        Self::initialise_on(TcpStream::connect(address).await.expect("a connection")).await
    }

    /// The same on a connection, such as one from another address.
    pub async fn initialise_on(stream: TcpStream) -> Self {
        let mut socket = Self::open_on(stream, SUB_PROTOCOL).await.expect("a socket");
        socket.send(json!({ "type": "connection_init" })).await;
        assert_eq!(socket.message().await, json!({ "type": "connection_ack" }));
        socket
    }

    /// Opens a socket without initialising it.
    pub async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, SUB_PROTOCOL).await.expect("a socket")
    }

    /// Sends a handshake with further headers; the error is the response.
    pub async fn open_with(address: SocketAddr, headers: &str) -> Result<Self, String> {
        Self::open_on(TcpStream::connect(address).await.expect("a connection"), headers).await
    }

    /// The same on a connection.
    pub async fn open_on(mut stream: TcpStream, headers: &str) -> Result<Self, String> {
        stream.write_all(format!("{HANDSHAKE}{headers}\r\n").as_bytes()).await.expect("the handshake is sent");
        let mut buffer = Vec::new();
        let end = loop {
            let end = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            let count = match end {
                Some(end) => break end + 4,
                None => timeout(TIMEOUT, stream.read_buf(&mut buffer)).await.expect("in time").expect("a response"),
            };
            assert!(count > 0, "the connection was closed: {}", String::from_utf8_lossy(&buffer));
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        if !head.starts_with("HTTP/1.1 101 ") {
            let length = head.to_ascii_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let length: usize = length.unwrap_or(0);
            while buffer.len() < end + length {
                if timeout(TIMEOUT, stream.read_buf(&mut buffer)).await.expect("in time").expect("a body") == 0 {
                    break;
                }
            }
            return Err(String::from_utf8_lossy(&buffer).into_owned());
        }
        buffer.drain(..end);
        Ok(Self { stream, buffer, head })
    }

    /// Sends a message.
    pub async fn send(&mut self, message: Value) {
        self.send_frame(0x81, message.to_string().as_bytes()).await;
    }

    /// Sends a frame: its first byte, and its payload.
    pub async fn send_frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | u8::try_from(length).expect("short")),
            length @ 126..0x1_0000 => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(length).expect("short").to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.send_bytes(&frame).await;
    }

    /// Sends bytes as they are. The service may have closed the connection.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Starts an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.send(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
    }

    /// The next frame of the service.
    pub async fn receive(&mut self) -> Received {
        timeout(TIMEOUT, self.receive_frame()).await.expect("a message of the service in time")
    }

    async fn receive_frame(&mut self) -> Received {
        loop {
            if let Some((opcode, payload)) = self.take_frame() {
                return match opcode {
                    0x1 => Received::Text(serde_json::from_slice(&payload).expect("JSON")),
                    0x8 => {
                        let code = payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
                        let reason = payload.get(2..).unwrap_or_default();
                        Received::Close(code, String::from_utf8_lossy(reason).into_owned())
                    }
                    0x9 => {
                        self.send_frame(0x8a, &payload).await;
                        Received::Ping
                    }
                    0xa => Received::Pong(payload),
                    other => panic!("unexpected opcode {other}"),
                };
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Received::End,
                Ok(_) => {}
            }
        }
    }

    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let buffer = &self.buffer;
        let (start, length) = match *buffer.get(1)? {
            126 => (4, usize::from(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?)).ok()?),
            length => (2, usize::from(length)),
        };
        let opcode = buffer[0] & 0x0f;
        assert_eq!(buffer[0] & 0xf0, 0x80, "whole messages without extensions");
        let payload = buffer.get(start..start + length)?.to_vec();
        self.buffer.drain(..start + length);
        Some((opcode, payload))
    }

    /// The next message; pings are answered.
    pub async fn message(&mut self) -> Value {
        loop {
            match self.receive().await {
                Received::Text(message) => return message,
                Received::Ping => {}
                other => panic!("expected a message, but received {other:?}"),
            }
        }
    }

    /// The result of an operation that has one result, and its end.
    pub async fn result(&mut self, id: &str) -> Value {
        let message = self.message().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("next"), &json!(id)), "{message}");
        assert_eq!(self.message().await, json!({ "type": "complete", "id": id }));
        message["payload"].clone()
    }

    /// The errors of an operation that is not executed.
    pub async fn errors(&mut self, id: &str) -> Value {
        let message = self.message().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!(id)), "{message}");
        message["payload"].clone()
    }

    /// The close of the service; messages before that are ignored.
    pub async fn close_frame(&mut self) -> Received {
        loop {
            if let close @ (Received::Close(..) | Received::End) = self.receive().await {
                return close;
            }
        }
    }

    /// How the service closes the socket; messages before that are ignored.
    pub async fn close(&mut self) -> (u16, String) {
        loop {
            match self.receive().await {
                Received::Close(code, reason) => {
                    self.send_frame(0x88, &code.to_be_bytes()).await;
                    assert_eq!(self.receive().await, Received::End, "the connection ends");
                    return (code, reason);
                }
                Received::End => panic!("the connection ended without a close"),
                _ => {}
            }
        }
    }
}
