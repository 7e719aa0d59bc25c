//! What is sent back: answers of the schema, and refusals of what never came to it.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use crate::error::Error;
use crate::graphql::engine::json_writer;
use crate::http::content_negotiation::MediaType;

/// The most errors of an answer, and the most bytes that they take: a query can hold as many mistakes as letters.
const MAX_ERRORS: usize = 10;
const MAX_ERRORS_BYTES: usize = 16 * 1024;
/// The longest message: the parser quotes the whole line of a mistake.
const MAX_MESSAGE_CHARS: usize = 500;

/// A request that was not run: its status, and its one error.
#[derive(Debug)]
pub struct HttpError {
    /// The status.
    pub status: StatusCode,
    /// The code in `extensions.code`.
    pub code: &'static str,
    /// One sentence that says what is wrong and what would pass.
    pub message: String,
    /// Headers that belong to the status.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl HttpError {
    /// A refusal with this status and code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    /// A request that is not formed as one.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A body of another type.
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_USER_INPUT", message)
    }

    /// A method that the address does not take.
    pub fn method_not_allowed(allowed: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_USER_INPUT", message)
            .with_header(header::ALLOW, HeaderValue::from_static(allowed))
    }

    /// A digest whose text is not here: clients send the text then. The message is the one that they look for.
    pub fn persisted_query_not_found() -> Self {
        Self::new(StatusCode::OK, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    }

    /// A query that is not in the manifest, where only those are run.
    pub fn operation_not_trusted() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "OPERATION_NOT_TRUSTED",
            "only the operations of this service's manifest are run; send one of them, or its documentId",
        )
    }

    /// More than can be done at once.
    pub fn service_unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", message).with_retry_after(1)
    }

    /// What took longer than a request may.
    pub fn timeout(limit: Duration) -> Self {
        let message = format!("the request took longer than {} seconds; ask for less at once", limit.as_secs_f32());
        Self::new(StatusCode::GATEWAY_TIMEOUT, "TIMEOUT", message)
    }

    /// A fault of ours.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", crate::error::Error::INTERNAL_MESSAGE)
    }

    /// With a header more.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With the seconds after which it is worth trying again.
    #[must_use]
    pub fn with_retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// As an answer.
    pub fn into_response(self, media_type: MediaType) -> HttpResponse {
        let error = serde_json::json!({ "message": self.message, "extensions": { "code": self.code } });
        let mut response = HttpResponse::build(self.status);
        response.content_type(media_type.content_type());
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        for header in self.headers {
            response.insert_header(header);
        }
        response.body(serde_json::json!({ "errors": [error] }).to_string())
    }
}

/// Whether the request was run at all: an error before any field was resolved has no path.
fn is_executed(response: &Response) -> bool {
    response.data != Value::Null
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
}

/// An answer of the schema, written down.
pub struct EncodedResponse {
    /// The answer in JSON.
    pub body: Bytes,
    /// Whether the request was run at all.
    pub is_executed: bool,
    /// Its errors.
    pub errors: Vec<ServerError>,
}

impl EncodedResponse {
    /// Writes an answer.
    ///
    /// # Errors
    /// Where it has no form in JSON.
    pub fn encode(response: Response) -> Result<Self, HttpError> {
        let was_run = is_executed(&response);
        let body = json_writer::write_response(&response, was_run).map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            HttpError::internal()
        })?;
        Ok(Self { body: body.into(), is_executed: was_run, errors: response.errors })
    }
}

/// Gives each error its code, leaves out what is too much, and logs the faults of ours under the request's id.
pub fn sanitize_errors(response: &mut Response, request_id: &str) {
    let was_run = is_executed(response);
    let counted = response.errors.len();
    let mut bytes = 0;
    let mut logged = Vec::new();
    let mut kept = Vec::new();
    // The last place is for saying how many more there are.
    let most = if counted > MAX_ERRORS { MAX_ERRORS - 1 } else { MAX_ERRORS };
    for mut error in response.errors.drain(..).take(most) {
        truncate_message(&mut error.message);
        // Not used by clients, and as many as there are fields of the same name.
        error.locations.truncate(10);
        let own = error.source::<Error>().cloned();
        let extensions = error.extensions.get_or_insert_default();
        set_extensions(extensions, own.as_ref(), was_run);
        if let Some(own) = own.filter(Error::is_server_error) {
            log_error_once(&own, request_id, &mut logged);
            extensions.set("requestId", request_id);
        }
        bytes += serde_json::to_vec(&error).map_or(0, |text| text.len());
        if bytes > MAX_ERRORS_BYTES - 200 {
            break;
        }
        kept.push(error);
    }
    let hidden = counted - kept.len();
    response.errors = kept;
    if hidden > 0 {
        let mut error = ServerError::new(format!("{hidden} more errors are not shown"), None);
        set_extensions(error.extensions.get_or_insert_default(), None, was_run);
        response.errors.push(error);
    }
}

fn set_extensions(extensions: &mut ErrorExtensionValues, own: Option<&Error>, was_run: bool) {
    if extensions.get("code").is_none() {
        let code = own.map_or(if was_run { "BAD_USER_INPUT" } else { "GRAPHQL_VALIDATION_FAILED" }, Error::code);
        extensions.set("code", code);
    }
    if let Some(Error::LimitExceeded { limit, counted, maximum, .. }) = own {
        extensions.set("limit", *limit);
        extensions.set("counted", *counted);
        extensions.set("maximum", *maximum);
    }
}

fn truncate_message(message: &mut String) {
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE_CHARS) {
        message.truncate(end);
        message.push('…');
    }
}

/// One failed statement fails many fields: it is logged once.
fn log_error_once(error: &Error, request_id: &str, logged: &mut Vec<String>) {
    let mut chain = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        chain = format!("{chain}: {next}");
        cause = next.source();
    }
    if !logged.contains(&chain) {
        tracing::error!(%request_id, error = %chain, "a query failed");
        logged.push(chain);
    }
}
