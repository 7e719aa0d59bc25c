//! GraphQL over WebSocket, at `/graphql`: the handshake, and the connection between a socket and its operations.
//!
//! [`protocol`] decides what a socket does with each message, [`frames`] reads them. Operations take the same stages as
//! HTTP requests (`graphql_handler`).

mod frames;
mod protocol;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason, HandshakeError, Message};
use actix_web::body::{BodyStream, BoxBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Abortable, LocalBoxFuture};
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::http::AppState;
use crate::http::error::HttpError;
use crate::http::graphql_handler::events::Event;
use crate::http::graphql_handler::operation::{self, OperationOrigin, Outcome};
use crate::http::request_params::RequestParams;
use crate::http::streams::{EndlessResponse, Gone, PartSender, StreamSlot, Turns, streamed_body};
use crate::http::websocket::frames::{FrameReader, Incoming, encode};
use crate::http::websocket::protocol::{
    ACKNOWLEDGEMENT, Action, Close, GOING_AWAY, NO_SUB_PROTOCOL, Protocol, SUB_PROTOCOL, complete_message,
    error_message, next_message,
};

/// Time that a client has to confirm the close of a socket.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether a request asks for a socket.
pub(super) fn is_requested(http: &HttpRequest) -> bool {
    let upgrade = http.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|protocols| protocols.to_ascii_lowercase().contains("websocket"))
}

/// Opens a socket.
///
/// # Errors
/// If the handshake is invalid, another site asks for it, or the client has too many.
pub(super) fn open(http: &HttpRequest, state: &Data<AppState>, payload: Payload) -> Result<HttpResponse, HttpError> {
    if !state.stream_origins.allows(http.headers()) {
        return Err(HttpError::foreign_origin());
    }
    let sub_protocol = negotiate_sub_protocol(http)?;
    let mut response = actix_http::ws::handshake(http.head()).map_err(|error| invalid_handshake(&error))?;
    if sub_protocol.is_some() {
        response.insert_header((header::SEC_WEBSOCKET_PROTOCOL, SUB_PROTOCOL));
    }
    let origin = OperationOrigin::of(http, state);
    let slot = state.streams.open(origin.client())?;
    let (sender, body) = streamed_body();
    let response = response.message_body(BoxBody::new(BodyStream::new(Box::pin(body)))).map_err(|error| {
        tracing::error!(%error, "the response to a WebSocket handshake could not be built");
        HttpError::internal()
    })?;
    let mut response = HttpResponse::from(response);
    response.extensions_mut().insert(EndlessResponse);
    let socket = Socket {
        origin: Rc::new(RefCell::new(origin)),
        outbox: Outbox(sender),
        protocol: Protocol::new(Instant::now()),
        running: FuturesUnordered::new(),
        handles: HashMap::new(),
        state: state.clone(),
        slot,
    };
    let reader = FrameReader::new(payload, state.limits.body_bytes);
    let first = if sub_protocol.is_none() { Err(NO_SUB_PROTOCOL) } else { Ok(()) };
    actix_web::rt::spawn(socket.serve(reader, first));
    Ok(response)
}

/// The protocol of the socket; `None` if the client names none.
fn negotiate_sub_protocol(http: &HttpRequest) -> Result<Option<&'static str>, HttpError> {
    let mut offered = http.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).peekable();
    if offered.peek().is_none() {
        return Ok(None);
    }
    let is_supported = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| value.split(',').any(|protocol| protocol.trim() == SUB_PROTOCOL))
    };
    if offered.any(is_supported) {
        return Ok(Some(SUB_PROTOCOL));
    }
    let message = format!("unsupported Sec-WebSocket-Protocol; the only supported protocol is {SUB_PROTOCOL}");
    Err(HttpError::bad_request("BAD_USER_INPUT", message))
}

fn invalid_handshake(error: &HandshakeError) -> HttpError {
    let message = format!("the WebSocket handshake is invalid: {error}");
    match error {
        HandshakeError::UnsupportedVersion | HandshakeError::NoVersionHeader => {
            HttpError::new(StatusCode::UPGRADE_REQUIRED, "BAD_USER_INPUT", message)
                .with_header(HeaderName::from_static("sec-websocket-version"), HeaderValue::from_static("13"))
        }
        _ => HttpError::bad_request("BAD_USER_INPUT", message),
    }
}

/// Sends messages to the client, one after the other: a message waits until the client has read enough of those before.
#[derive(Clone)]
struct Outbox(PartSender);

impl Outbox {
    async fn send(&self, message: Message) -> Result<(), Gone> {
        self.0.send(encode(message)).await
    }

    async fn send_text(&self, text: String) -> Result<(), Gone> {
        self.send(Message::Text(text.into())).await
    }
}

/// One socket.
struct Socket {
    state: Data<AppState>,
    origin: Rc<RefCell<OperationOrigin>>,
    outbox: Outbox,
    protocol: Protocol,
    /// The operations in progress. Each returns its id.
    running: FuturesUnordered<Abortable<LocalBoxFuture<'static, String>>>,
    handles: HashMap<String, AbortHandle>,
    slot: StreamSlot,
}

/// How a socket ends.
enum End {
    /// The service closes it.
    Close(Close),
    /// The client has closed it, or is gone.
    Gone,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

impl Socket {
    /// Serves the socket to its end.
    async fn serve(mut self, mut reader: FrameReader, first: Result<(), Close>) {
        let end = match first {
            Ok(()) => self.run(&mut reader).await,
            Err(close) => End::Close(close),
        };
        // Its operations end first, so that nothing follows the close.
        let Self { outbox, running, .. } = self;
        drop(running);
        let End::Close(Close { code, reason }) = end else { return };
        tracing::debug!(code, %reason, "closed a socket");
        let reason = CloseReason { code: CloseCode::from(code), description: Some(reason.into_owned()) };
        if outbox.send(Message::Close(Some(reason))).await.is_err() {
            return;
        }
        let confirmed = async { while !matches!(reader.next().await, Ok(Incoming::Close | Incoming::End) | Err(_)) {} };
        // A client that does not confirm is disconnected.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, confirmed).await;
    }

    async fn run(&mut self, reader: &mut FrameReader) -> End {
        let streams = self.state.streams.clone();
        let sender = self.outbox.0.clone();
        let mut drained = std::pin::pin!(streams.drained());
        loop {
            let result = tokio::select! {
                // What follows is boxed: a socket that waits does not hold the memory of its work.
                incoming = reader.next() => match incoming {
                    Ok(incoming) => Box::pin(self.receive(incoming)).await,
                    Err(close) => Err(close.into()),
                },
                Some(ended) = self.running.next() => {
                    // An aborted operation is not in progress any more.
                    if let Ok(id) = ended {
                        self.protocol.finish(&id);
                        self.handles.remove(&id);
                    }
                    Ok(())
                }
                () = tokio::time::sleep_until(self.protocol.deadline()) => {
                    match self.protocol.act(Instant::now()) {
                        Ok(action) => Box::pin(self.perform(action)).await,
                        Err(close) => Err(close.into()),
                    }
                }
                () = &mut drained => Err(GOING_AWAY.into()),
                () = sender.closed() => Err(End::Gone),
            };
            if let Err(end) = result {
                return end;
            }
        }
    }

    async fn receive(&mut self, incoming: Incoming) -> Result<(), End> {
        self.protocol.hear(Instant::now());
        match incoming {
            Incoming::Text(text) => {
                let action = self.protocol.receive(&text)?;
                self.perform(action).await
            }
            Incoming::Binary => Err(Close::new(4400, "Invalid message: it is not a text").into()),
            Incoming::Ping(payload) => Ok(self.outbox.send(Message::Pong(payload)).await?),
            Incoming::Pong => Ok(()),
            Incoming::Close => {
                self.outbox.send(Message::Close(None)).await?;
                Err(End::Gone)
            }
            Incoming::End => Err(End::Gone),
        }
    }

    async fn perform(&mut self, action: Action) -> Result<(), End> {
        match action {
            Action::Nothing => {}
            Action::Send(message) => self.outbox.send_text(message).await?,
            Action::Ping => self.outbox.send(Message::Ping(Bytes::new())).await?,
            Action::Acknowledge { authorization } => {
                if let Some(authorization) = authorization {
                    self.origin.borrow_mut().authorize(&self.state, &authorization);
                }
                self.outbox.send_text(ACKNOWLEDGEMENT.to_owned()).await?;
            }
            Action::Start { id, params } => self.start(id, params),
            Action::Stop { id } => {
                if let Some(handle) = self.handles.remove(&id) {
                    handle.abort();
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, id: String, params: Box<RequestParams>) {
        let (state, outbox, turns) = (self.state.clone(), self.outbox.clone(), self.slot.turns());
        let origin = self.origin.borrow().clone();
        let (handle, registration) = AbortHandle::new_pair();
        self.handles.insert(id.clone(), handle);
        let operation = async move {
            // If the client is gone, so is the socket.
            let _ = run_operation(&state, origin, &turns, &id, params, &outbox).await;
            id
        };
        self.running.push(Abortable::new(Box::pin(operation), registration));
    }
}

/// Runs an operation and sends its results.
async fn run_operation(
    state: &Data<AppState>,
    origin: OperationOrigin,
    turns: &Turns,
    id: &str,
    params: Box<RequestParams>,
    outbox: &Outbox,
) -> Result<(), Gone> {
    // Boxed: a subscription that waits does not hold the memory of its start.
    match Box::pin(operation::run(state, &origin, turns, *params)).await {
        Outcome::Rejected(errors) => return outbox.send_text(error_message(id, &errors)).await,
        Outcome::Subscription(mut events) => loop {
            match events.next().await {
                Ok(Event { body, .. }) => {
                    outbox.send_text(next_message(id, &String::from_utf8_lossy(&body))).await?;
                }
                Err(errors) => return outbox.send_text(error_message(id, &errors)).await,
            }
        },
        Outcome::Response(body) => outbox.send_text(next_message(id, &String::from_utf8_lossy(&body))).await?,
    }
    outbox.send_text(complete_message(id)).await
}
