//! `graphql-transport-ws`, without I/O: what a socket does with each message of its client, and when it acts by itself.
//!
//! The protocol is specified in PROTOCOL.md of the npm package `graphql-ws`; close codes and their reasons are those of its
//! server.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};
use serde_json::json;
use tokio::time::Instant;

use crate::http::request_params::{RequestParams, parse_json, parse_payload};
use crate::http::streams::beat_after;

/// The name of the protocol in `Sec-WebSocket-Protocol`.
pub(super) const SUB_PROTOCOL: &str = "graphql-transport-ws";
/// Time within which the client must initialise the connection.
pub(super) const INIT_TIMEOUT: Duration = Duration::from_secs(3);
/// Interval of pings.
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// Time after which a client that sends nothing, not even a pong, is gone.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of operations in progress.
pub(super) const MAX_OPERATIONS: usize = 20;
/// Maximum length of the id of an operation: it is kept while the operation is in progress.
const MAX_ID_BYTES: usize = 256;
/// Maximum length of a close reason (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// Why a socket is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: Cow<'static, str>,
}

impl Close {
    pub(super) const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// 4400: the message is not one of the protocol.
    fn invalid(reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        let mut end = MAX_REASON_BYTES.min(reason.len());
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        reason.truncate(end);
        Self { code: 4400, reason: reason.into() }
    }
}

/// 1001: the service shuts down.
pub(super) const GOING_AWAY: Close = Close::new(1001, "The service is shutting down; connect again");
/// 4406: the client asked for no protocol.
pub(super) const NO_SUB_PROTOCOL: Close = Close::new(4406, "Subprotocol not acceptable");
/// 1009: a message is too long.
pub(super) const TOO_LONG: Close = Close::new(1009, "The message is too long");
/// 1007: a text message is not UTF-8.
pub(super) const NOT_UTF8: Close = Close::new(1007, "The message is not UTF-8");
/// 1002: a frame is not one of WebSocket.
pub(super) const PROTOCOL_ERROR: Close = Close::new(1002, "The frame is invalid");

/// What a socket does.
#[derive(Debug)]
pub(super) enum Action {
    Nothing,
    /// Sends this message.
    Send(String),
    /// Remembers the credentials, if there are any, and sends the acknowledgement.
    Acknowledge {
        authorization: Option<String>,
    },
    /// Starts an operation.
    Start {
        id: String,
        params: Box<RequestParams>,
    },
    /// Ends an operation. Nothing more is sent for it.
    Stop {
        id: String,
    },
    /// Sends a ping.
    Ping,
}

/// The state of a socket.
#[derive(Debug)]
pub(super) struct Protocol {
    /// When the connection must be initialised; `None` if it is.
    init_deadline: Option<Instant>,
    last_heard: Instant,
    next_ping: Instant,
    operations: HashSet<String>,
}

impl Protocol {
    /// A socket that was opened now.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            init_deadline: Some(now + INIT_TIMEOUT),
            last_heard: now,
            next_ping: beat_after(now + PING_INTERVAL),
            operations: HashSet::new(),
        }
    }

    /// When [`Self::act`] is to be called next, at the latest.
    pub(super) fn deadline(&self) -> Instant {
        let silence = self.last_heard + SILENCE_TIMEOUT;
        self.init_deadline.unwrap_or(silence).min(silence).min(self.next_ping)
    }

    /// What is due.
    ///
    /// # Errors
    /// If the socket is to be closed.
    pub(super) fn act(&mut self, now: Instant) -> Result<Action, Close> {
        if self.init_deadline.is_some_and(|deadline| now >= deadline) {
            return Err(Close::new(4408, "Connection initialisation timeout"));
        }
        if now >= self.last_heard + SILENCE_TIMEOUT {
            return Err(Close::new(1001, "No pong within 30 seconds"));
        }
        if now >= self.next_ping {
            self.next_ping = beat_after(now + PING_INTERVAL);
            return Ok(Action::Ping);
        }
        Ok(Action::Nothing)
    }

    /// Anything was received, also a ping or a pong.
    pub(super) fn hear(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// What to do with a text message.
    ///
    /// # Errors
    /// If the socket is to be closed.
    pub(super) fn receive(&mut self, text: &str) -> Result<Action, Close> {
        let message = parse_json(text).map_err(|reason| Close::invalid(format!("Invalid message: {reason}")))?;
        let Value::Object(mut message) = message else {
            return Err(Close::invalid("Invalid message: it is not a JSON object"));
        };
        let Some(Value::String(kind)) = message.swap_remove("type") else {
            return Err(Close::invalid("Invalid message: it has no type"));
        };
        match kind.as_str() {
            "connection_init" => self.initialise(message),
            "subscribe" => self.subscribe(message),
            "complete" => {
                let id = id_of(&mut message)?;
                // The operation may have ended meanwhile.
                let is_known = self.operations.remove(&id);
                Ok(if is_known { Action::Stop { id } } else { Action::Nothing })
            }
            "ping" => {
                let mut pong = json!({ "type": "pong" });
                if let Some(payload) = optional_object(&mut message)? {
                    pong["payload"] = json!(payload);
                }
                Ok(Action::Send(pong.to_string()))
            }
            "pong" => optional_object(&mut message).map(|_| Action::Nothing),
            _ => Err(Close::invalid(format!("Invalid message type: {}", kind.chars().take(40).collect::<String>()))),
        }
    }

    fn initialise(&mut self, mut message: IndexMap<Name, Value>) -> Result<Action, Close> {
        let payload = optional_object(&mut message)?.unwrap_or_default();
        if self.init_deadline.take().is_none() {
            return Err(Close::new(4429, "Too many initialisation requests"));
        }
        // A browser cannot send headers with a socket.
        let authorization = payload.into_iter().find_map(|(name, value)| match value {
            Value::String(value) if name.eq_ignore_ascii_case("authorization") => Some(value),
            _ => None,
        });
        Ok(Action::Acknowledge { authorization })
    }

    fn subscribe(&mut self, mut message: IndexMap<Name, Value>) -> Result<Action, Close> {
        let id = id_of(&mut message)?;
        let Some(Value::Object(payload)) = message.swap_remove("payload") else {
            return Err(Close::invalid("Invalid message: the payload of subscribe is not an object"));
        };
        let params = parse_payload(payload).map_err(|reason| Close::invalid(format!("Invalid message: {reason}")))?;
        if params.query.is_none() && params.sha256_hash.is_none() && params.document_id.is_none() {
            return Err(Close::invalid("Invalid message: the payload of subscribe has no query"));
        }
        if self.init_deadline.is_some() {
            return Err(Close::new(4401, "Unauthorized"));
        }
        if self.operations.contains(&id) {
            let reason = format!("Subscriber for {id} already exists");
            return Err(Close { code: 4409, ..Close::invalid(reason) });
        }
        if self.operations.len() >= MAX_OPERATIONS {
            let message = format!("a socket has at most {MAX_OPERATIONS} operations in progress; complete one of them");
            let error = json!({ "message": message, "extensions": { "code": "LIMIT_EXCEEDED" } });
            return Ok(Action::Send(error_message(&id, &json!([error]).to_string())));
        }
        self.operations.insert(id.clone());
        Ok(Action::Start { id, params: Box::new(params) })
    }

    /// An operation has ended by itself.
    pub(super) fn finish(&mut self, id: &str) {
        self.operations.remove(id);
    }
}

/// The acknowledgement of the connection.
pub(super) const ACKNOWLEDGEMENT: &str = r#"{"type":"connection_ack"}"#;

/// A result of an operation, as JSON.
pub(super) fn next_message(id: &str, result: &str) -> String {
    format!(r#"{{"id":{},"type":"next","payload":{result}}}"#, json!(id))
}

/// The errors of an operation that was not executed, as a JSON list. It ends the operation.
pub(super) fn error_message(id: &str, errors: &str) -> String {
    format!(r#"{{"id":{},"type":"error","payload":{errors}}}"#, json!(id))
}

/// The end of an operation.
pub(super) fn complete_message(id: &str) -> String {
    format!(r#"{{"id":{},"type":"complete"}}"#, json!(id))
}

fn id_of(message: &mut IndexMap<Name, Value>) -> Result<String, Close> {
    match message.swap_remove("id") {
        Some(Value::String(id)) if (1..=MAX_ID_BYTES).contains(&id.len()) => Ok(id),
        _ => Err(Close::invalid(format!("Invalid message: its id is not a string of 1 to {MAX_ID_BYTES} bytes"))),
    }
}

fn optional_object(message: &mut IndexMap<Name, Value>) -> Result<Option<IndexMap<Name, Value>>, Close> {
    match message.swap_remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(Close::invalid("Invalid message: its payload is not an object")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INIT: &str = r#"{"type":"connection_init"}"#;

    fn socket() -> (Protocol, Instant) {
        let now = beat_after(Instant::now());
        (Protocol::new(now), now)
    }

    fn initialised() -> (Protocol, Instant) {
        let (mut protocol, now) = socket();
        assert!(matches!(protocol.receive(INIT), Ok(Action::Acknowledge { authorization: None })));
        (protocol, now)
    }

    fn subscribe(id: &str) -> String {
        json!({ "type": "subscribe", "id": id, "payload": { "query": "{ a }" } }).to_string()
    }

    fn close_code(result: Result<Action, Close>) -> u16 {
        result.expect_err("a close").code
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn connection_is_initialised_once() {
        let (mut protocol, _) = initialised();
        assert_eq!(protocol.receive(INIT), Err(Close::new(4429, "Too many initialisation requests")));
    }

    #[test]
    fn connection_is_initialised_in_time() {
        let (mut protocol, now) = socket();
        assert_eq!(protocol.deadline(), now + seconds(3));
        assert!(matches!(protocol.act(now + seconds(2)), Ok(Action::Nothing)));
        assert_eq!(close_code(protocol.act(now + seconds(3))), 4408);
        let (mut protocol, now) = initialised();
        assert!(matches!(protocol.act(now + seconds(4)), Ok(Action::Nothing)));
    }

    #[test]
    fn operations_need_an_initialised_connection() {
        let (mut protocol, _) = socket();
        assert_eq!(close_code(protocol.receive(&subscribe("1"))), 4401);
    }

    #[test]
    fn credentials() {
        for name in ["authorization", "Authorization"] {
            let (mut protocol, _) = socket();
            let init = json!({ "type": "connection_init", "payload": { name: "Bearer a", "other": 1 } });
            match protocol.receive(&init.to_string()) {
                Ok(Action::Acknowledge { authorization }) => assert_eq!(authorization.as_deref(), Some("Bearer a")),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn ids_are_unique_while_operations_are_in_progress() {
        let (mut protocol, _) = initialised();
        assert!(matches!(protocol.receive(&subscribe("1")), Ok(Action::Start { id, .. }) if id == "1"));
        assert_eq!(protocol.receive(&subscribe("1")), Err(Close::new(4409, "Subscriber for 1 already exists")));
        protocol.finish("1");
        assert!(matches!(protocol.receive(&subscribe("1")), Ok(Action::Start { .. })));
        let complete = r#"{"type":"complete","id":"1"}"#;
        assert!(matches!(protocol.receive(complete), Ok(Action::Stop { id }) if id == "1"));
        assert!(matches!(protocol.receive(complete), Ok(Action::Nothing)), "it has ended");
        assert!(matches!(protocol.receive(&subscribe("1")), Ok(Action::Start { .. })));
    }

    #[test]
    fn number_of_operations_is_limited() {
        let (mut protocol, _) = initialised();
        for number in 0..MAX_OPERATIONS {
            assert!(matches!(protocol.receive(&subscribe(&number.to_string())), Ok(Action::Start { .. })));
        }
        match protocol.receive(&subscribe("one more")) {
            Ok(Action::Send(message)) => {
                assert!(message.starts_with(r#"{"id":"one more","type":"error","payload":[{"#), "{message}");
                assert!(message.contains("LIMIT_EXCEEDED"), "{message}");
            }
            other => panic!("{other:?}"),
        }
        protocol.finish("0");
        assert!(matches!(protocol.receive(&subscribe("one more")), Ok(Action::Start { .. })));
    }

    #[test]
    fn invalid_messages() {
        for text in [
            "",
            "1",
            "[]",
            "{}",
            "{",
            "\"x\"",
            r#"{"type":1}"#,
            r#"{"type":"unknown"}"#,
            r#"{"type":"next","id":"1"}"#,
            r#"{"type":"connection_ack"}"#,
            r#"{"type":"connection_init","payload":1}"#,
            r#"{"type":"ping","payload":"x"}"#,
            r#"{"type":"pong","payload":[]}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"complete","id":1}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","operationName":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","extensions":1}}"#,
            r#"{"type":"subscribe","id":"1","id":"2","payload":{"query":"{a}"}}"#,
        ] {
            for mut protocol in [socket().0, initialised().0] {
                let close = protocol.receive(text).expect_err(text);
                assert_eq!(close.code, 4400, "{text}");
                assert!(close.reason.len() <= MAX_REASON_BYTES, "{text}");
            }
        }
        let long = subscribe(&"x".repeat(MAX_ID_BYTES + 1));
        assert_eq!(close_code(initialised().0.receive(&long)), 4400);
    }

    #[test]
    fn persisted_queries_need_no_text() {
        let (mut protocol, _) = initialised();
        let by_id = r#"{"type":"subscribe","id":"1","payload":{"documentId":"a"}}"#;
        assert!(matches!(protocol.receive(by_id), Ok(Action::Start { .. })));
    }

    #[test]
    fn pings_of_the_client() {
        for mut protocol in [socket().0, initialised().0] {
            let answer = |result| match result {
                Ok(Action::Send(text)) => text,
                other => panic!("{other:?}"),
            };
            assert_eq!(answer(protocol.receive(r#"{"type":"ping"}"#)), r#"{"type":"pong"}"#);
            let with_payload = answer(protocol.receive(r#"{"type":"ping","payload":{"a":[1]}}"#));
            assert_eq!(with_payload, r#"{"payload":{"a":[1]},"type":"pong"}"#);
            assert!(matches!(protocol.receive(r#"{"type":"pong"}"#), Ok(Action::Nothing)));
        }
    }

    #[test]
    fn pings_and_silence() {
        let (mut protocol, now) = initialised();
        assert_eq!(protocol.deadline(), now + seconds(15));
        assert!(matches!(protocol.act(now + seconds(15)), Ok(Action::Ping)));
        assert!(matches!(protocol.act(now + seconds(16)), Ok(Action::Nothing)));
        protocol.hear(now + seconds(16));
        assert!(matches!(protocol.act(now + seconds(30)), Ok(Action::Ping)));
        assert!(matches!(protocol.act(now + seconds(45)), Ok(Action::Ping)));
        assert_eq!(protocol.deadline(), now + seconds(46));
        assert_eq!(protocol.act(now + seconds(46)), Err(Close::new(1001, "No pong within 30 seconds")));
    }

    #[test]
    fn messages() {
        assert_eq!(next_message("a\"b", r#"{"data":1}"#), r#"{"id":"a\"b","type":"next","payload":{"data":1}}"#);
        assert_eq!(error_message("1", "[]"), r#"{"id":"1","type":"error","payload":[]}"#);
        assert_eq!(complete_message("1"), r#"{"id":"1","type":"complete"}"#);
    }

    impl PartialEq for Action {
        fn eq(&self, _: &Self) -> bool {
            false
        }
    }

    /// Messages of a client that knows the protocol, but not its order.
    fn message() -> impl Strategy<Value = String> {
        let id = prop_oneof![Just("1"), Just("2"), Just("3")];
        prop_oneof![
            1 => Just(INIT.to_owned()),
            6 => id.clone().prop_map(subscribe),
            6 => id.prop_map(|id| json!({ "type": "complete", "id": id }).to_string()),
            1 => Just(r#"{"type":"ping"}"#.to_owned()),
        ]
    }

    proptest! {
        /// An operation is started only if the connection is initialised and its id is free, and each message that breaks
        /// a rule closes the socket with the code of that rule.
        #[test]
        fn any_order_of_messages(messages in proptest::collection::vec(message(), 0..40)) {
            let (mut protocol, _) = socket();
            let (mut is_initialised, mut open) = (false, HashSet::new());
            for text in messages {
                let message: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                let id = message["id"].as_str().unwrap_or_default().to_owned();
                let expected = match message["type"].as_str() {
                    Some("connection_init") if is_initialised => Some(4429),
                    Some("subscribe") if !is_initialised => Some(4401),
                    Some("subscribe") if open.contains(&id) => Some(4409),
                    _ => None,
                };
                let result = protocol.receive(&text);
                prop_assert_eq!(result.as_ref().err().map(|close| close.code), expected);
                match result {
                    Ok(Action::Acknowledge { .. }) => is_initialised = true,
                    Ok(Action::Start { id, .. }) => prop_assert!(open.insert(id)),
                    Ok(Action::Stop { id }) => prop_assert!(open.remove(&id)),
                    Ok(_) => {}
                    Err(_) => break,
                }
                prop_assert_eq!(&protocol.operations, &open);
            }
        }

        /// No text makes it panic.
        #[test]
        fn any_text(text in ".{0,200}") {
            let _ = initialised().0.receive(&text);
        }
    }
}
