//! Reading of WebSocket frames (RFC 6455), within a maximum length.
//!
//! actix decodes a frame, and rejects one that is too long, once all of it has been received. Here the announced length is
//! checked first, so that a client cannot make the service buffer more than the maximum.

use actix_http::ws::{Codec, Frame, Item, Message, ProtocolError};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;
use tokio_util::codec::{Decoder as _, Encoder as _};

use crate::http::websocket::protocol::{Close, NOT_UTF8, PROTOCOL_ERROR, TOO_LONG};

/// What a client sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Text(String),
    Binary,
    Ping(Bytes),
    Pong,
    /// The client closes the socket.
    Close,
    /// The connection has ended.
    End,
}

/// Reads the messages of a client. Fragments are joined.
pub(super) struct FrameReader {
    payload: Payload,
    decoder: FrameDecoder,
}

impl FrameReader {
    /// Reads messages of at most this many bytes.
    pub(super) fn new(payload: Payload, max_bytes: usize) -> Self {
        Self { payload, decoder: FrameDecoder::new(max_bytes) }
    }

    /// The next message. Cancelling it loses nothing.
    ///
    /// # Errors
    /// If the client violates WebSocket, or the message is too long.
    pub(super) async fn next(&mut self) -> Result<Incoming, Close> {
        loop {
            if let Some(incoming) = self.decoder.decode()? {
                return Ok(incoming);
            }
            match self.payload.next().await {
                Some(Ok(bytes)) => self.decoder.buffer.extend_from_slice(&bytes),
                Some(Err(_)) | None => return Ok(Incoming::End),
            }
        }
    }
}

struct FrameDecoder {
    buffer: BytesMut,
    codec: Codec,
    max_bytes: usize,
    /// The fragments of a message so far, and whether it is a text.
    fragments: Option<(bool, BytesMut)>,
}

impl FrameDecoder {
    fn new(max_bytes: usize) -> Self {
        Self { buffer: BytesMut::new(), codec: Codec::new().max_size(max_bytes), max_bytes, fragments: None }
    }

    /// The next message, if all of it has been received.
    fn decode(&mut self) -> Result<Option<Incoming>, Close> {
        loop {
            let joined = self.fragments.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64);
            if announced_length(&self.buffer).is_some_and(|length| length > self.max_bytes as u64 - joined) {
                return Err(TOO_LONG);
            }
            let frame = self.codec.decode(&mut self.buffer).map_err(|error| match error {
                ProtocolError::Overflow => TOO_LONG,
                _ => PROTOCOL_ERROR,
            })?;
            let Some(frame) = frame else {
                // An idle socket keeps no buffer.
                if self.buffer.is_empty() {
                    self.buffer = BytesMut::new();
                }
                return Ok(None);
            };
            let incoming = match frame {
                Frame::Text(bytes) => text(bytes.into())?,
                Frame::Binary(_) => Incoming::Binary,
                Frame::Ping(bytes) => Incoming::Ping(bytes),
                Frame::Pong(_) => Incoming::Pong,
                Frame::Close(_) => Incoming::Close,
                Frame::Continuation(item) => match self.join(item)? {
                    Some(incoming) => incoming,
                    None => continue,
                },
            };
            return Ok(Some(incoming));
        }
    }

    /// Adds a fragment; returns the message after its last.
    fn join(&mut self, item: Item) -> Result<Option<Incoming>, Close> {
        match item {
            Item::FirstText(bytes) => self.fragments = Some((true, BytesMut::from(&bytes[..]))),
            Item::FirstBinary(bytes) => self.fragments = Some((false, BytesMut::from(&bytes[..]))),
            Item::Continue(bytes) => match &mut self.fragments {
                Some((_, joined)) => joined.extend_from_slice(&bytes),
                None => return Err(PROTOCOL_ERROR),
            },
            Item::Last(bytes) => {
                let Some((is_text, mut joined)) = self.fragments.take() else { return Err(PROTOCOL_ERROR) };
                joined.extend_from_slice(&bytes);
                return if is_text { text(joined.into()).map(Some) } else { Ok(Some(Incoming::Binary)) };
            }
        }
        Ok(None)
    }
}

fn text(bytes: Vec<u8>) -> Result<Incoming, Close> {
    String::from_utf8(bytes).map(Incoming::Text).map_err(|_| NOT_UTF8)
}

/// The length of the next frame's payload, if the buffer contains it.
fn announced_length(buffer: &[u8]) -> Option<u64> {
    const LENGTH: u8 = 0x7f;
    match buffer.get(1)? & LENGTH {
        126 => Some(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?).into()),
        127 => Some(u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?)),
        length => Some(length.into()),
    }
}

/// Encodes a message of the service.
pub(super) fn encode(message: Message) -> Bytes {
    let mut bytes = BytesMut::new();
    if let Err(error) = Codec::new().encode(message, &mut bytes) {
        // Only fragments have an order that can be wrong, and the service sends none.
        tracing::error!(%error, "a WebSocket message could not be encoded");
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked frame, as clients send them.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..126 => bytes.push(0x80 | u8::try_from(length).expect("short")),
            length => {
                bytes.push(0x80 | 126);
                bytes.extend(u16::try_from(length).expect("short").to_be_bytes());
            }
        }
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes
    }

    fn decoder(bytes: &[u8]) -> FrameDecoder {
        let mut decoder = FrameDecoder::new(1_000);
        decoder.buffer.extend_from_slice(bytes);
        decoder
    }

    fn decode_all(bytes: &[u8]) -> Result<Vec<Incoming>, u16> {
        let mut decoder = decoder(bytes);
        let mut all = Vec::new();
        while let Some(incoming) = decoder.decode().map_err(|close| close.code)? {
            all.push(incoming);
        }
        Ok(all)
    }

    fn text_of(text: &str) -> Incoming {
        Incoming::Text(text.to_owned())
    }

    #[test]
    fn messages() {
        let bytes = [frame(0x81, "é".as_bytes()), frame(0x89, b"p"), frame(0x8a, b""), frame(0x88, b"")].concat();
        let expected = vec![text_of("é"), Incoming::Ping(Bytes::from_static(b"p")), Incoming::Pong, Incoming::Close];
        assert_eq!(decode_all(&bytes), Ok(expected));
        // Byte by byte.
        let mut decoder = decoder(&[]);
        let mut decoded = 0;
        for byte in &bytes {
            decoder.buffer.extend_from_slice(&[*byte]);
            decoded += usize::from(decoder.decode().expect("valid").is_some());
        }
        assert_eq!(decoded, 4);
    }

    #[test]
    fn fragments_are_joined_around_pings() {
        // A character is split between two fragments.
        let bytes = [frame(0x01, b"a\xc3"), frame(0x89, b""), frame(0x00, b"\xa9b"), frame(0x80, b"c")].concat();
        assert_eq!(decode_all(&bytes), Ok(vec![Incoming::Ping(Bytes::new()), text_of("aébc")]));
        assert_eq!(decode_all(&[frame(0x02, b"a"), frame(0x80, b"b")].concat()), Ok(vec![Incoming::Binary]));
    }

    #[test]
    fn long_messages_are_rejected_before_they_are_received() {
        assert_eq!(decode_all(&frame(0x81, &[b'x'; 1_000])).map(|all| all.len()), Ok(1));
        assert_eq!(decode_all(&frame(0x81, &[b'x'; 1_001])[..4]), Err(1009));
        // 8 GiB are announced.
        let huge = [&[0x81, 0x80 | 127][..], &(8_u64 << 30).to_be_bytes(), &[0; 4]].concat();
        assert_eq!(decode_all(&huge), Err(1009));
        let joined = [frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 401])].concat();
        assert_eq!(decode_all(&joined), Err(1009));
        let joined = [frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 400])].concat();
        assert_eq!(decode_all(&joined).map(|all| all.len()), Ok(1));
    }

    #[test]
    fn violations() {
        for (bytes, code) in [
            (frame(0x81, b"\xff"), 1007),
            (vec![0x81, 0x01, b'a'], 1002),
            (frame(0xc1, b"a"), 1002),
            (frame(0x83, b"a"), 1002),
            (frame(0x80, b"a"), 1002),
            ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002),
            (frame(0x89, &[0; 126]), 1002),
        ] {
            assert_eq!(decode_all(&bytes), Err(code), "{bytes:?}");
        }
    }
}
