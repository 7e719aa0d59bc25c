//! GraphQL over server-sent events, in the mode of distinct connections: each request is one operation, whose results are
//! events (PROTOCOL.md of the npm package `graphql-sse`).

use std::time::Duration;

use actix_web::body::BodyStream;
use actix_web::http::header::{self, ContentEncoding, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use tokio::time::Instant;

use crate::http::AppState;
use crate::http::graphql_handler::events::{Event, SubscriptionEvents};
use crate::http::graphql_handler::operation::Outcome;
use crate::http::streams::{EndlessResponse, PartSender, StreamSlot, beat_after, streamed_body};

/// Keeps nginx from collecting events.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Interval of comments while there are no events: proxies close connections that are silent for long.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(12);
const KEEP_ALIVE: &str = ":\n\n";
/// The last event of an operation.
const COMPLETE: &str = "event: complete\ndata:\n\n";

/// The cursor from which a client resumes: the id of the last event that it received.
pub(super) fn last_event_id(http: &HttpRequest) -> Option<String> {
    let id = http.headers().get(LAST_EVENT_ID)?.to_str().ok()?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// The response to an operation. A subscription has a place among the streams.
pub(super) fn respond(outcome: Outcome, state: &Data<AppState>, slot: Option<StreamSlot>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")))
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((X_ACCEL_BUFFERING, HeaderValue::from_static("no")))
        // A compressed event would wait for the next ones.
        .insert_header(ContentEncoding::Identity);
    let result = match outcome {
        Outcome::Response(body) => String::from_utf8_lossy(&body).into_owned(),
        Outcome::Rejected(errors) => errors_result(&errors),
        Outcome::Subscription(events) => {
            let (sender, body) = streamed_body();
            actix_web::rt::spawn(send_events(events, state.clone(), sender, slot));
            let mut response = response.body(BodyStream::new(Box::pin(body)));
            response.extensions_mut().insert(EndlessResponse);
            return response;
        }
    };
    response.body(event(&result, None) + COMPLETE)
}

/// Sends events until the subscription fails, the client is gone or the service shuts down. At shutdown there is no last
/// event, so that the client connects again.
async fn send_events(
    mut events: Box<SubscriptionEvents>,
    state: Data<AppState>,
    sender: PartSender,
    _slot: Option<StreamSlot>,
) {
    let sending = async {
        // The head of the response is sent with the first part.
        let mut parts = vec![KEEP_ALIVE.to_owned()];
        loop {
            for part in parts.drain(..) {
                if sender.send(part.into()).await.is_err() {
                    return;
                }
            }
            let mut next = std::pin::pin!(events.next());
            let result = loop {
                let keep_alive = beat_after(Instant::now() + KEEP_ALIVE_INTERVAL);
                match tokio::time::timeout_at(keep_alive, &mut next).await {
                    Ok(result) => break result,
                    Err(_) if sender.send(Bytes::from_static(KEEP_ALIVE.as_bytes())).await.is_err() => return,
                    Err(_) => {}
                }
            };
            match result {
                Ok(Event { body, cursor }) => parts.push(event(&String::from_utf8_lossy(&body), Some(&cursor))),
                Err(errors) => {
                    let last = event(&errors_result(&errors), None) + COMPLETE;
                    // If the client is gone, there is nobody to tell.
                    let _ = sender.send(last.into()).await;
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = state.streams.drained() => {}
        () = sender.closed() => {}
    }
}

fn errors_result(errors: &str) -> String {
    format!(r#"{{"errors":{errors}}}"#)
}

/// A result, as JSON without line breaks, with the id from which the client resumes.
fn event(result: &str, id: Option<&str>) -> String {
    match id {
        Some(id) => format!("id: {id}\nevent: next\ndata: {result}\n\n"),
        None => format!("event: next\ndata: {result}\n\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events() {
        assert_eq!(event("{}", Some("c1")), "id: c1\nevent: next\ndata: {}\n\n");
        assert_eq!(event(&errors_result("[]"), None), "event: next\ndata: {\"errors\":[]}\n\n");
    }
}
