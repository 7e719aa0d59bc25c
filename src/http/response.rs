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
const MOST_ERRORS: usize = 10;
const MOST_ERROR_BYTES: usize = 16 * 1024;
/// The longest message: the parser quotes the whole line of a mistake.
const LONGEST_MESSAGE: usize = 500;

/// A request that was not run: its status, and its one error.
#[derive(Debug)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The code in `extensions.code`.
    pub code: &'static str,
    /// One sentence that says what is wrong and what would pass.
    pub message: String,
    /// Headers that belong to the status.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal with this status and code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    /// A request that is not formed as one.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A body of another type.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_USER_INPUT", message)
    }

    /// A method that the address does not take.
    pub fn method(allowed: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_USER_INPUT", message)
            .with(header::ALLOW, HeaderValue::from_static(allowed))
    }

    /// A digest whose text is not here: clients send the text then. The message is the one that they look for.
    pub fn not_persisted() -> Self {
        Self::new(StatusCode::OK, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    }

    /// A query that is not in the manifest, where only those are run.
    pub fn not_trusted() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "OPERATION_NOT_TRUSTED",
            "only the operations of this service's manifest are run; send one of them, or its documentId",
        )
    }

    /// More than can be done at once.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", message).retry_after(1)
    }

    /// What took longer than a request may.
    pub fn too_slow(limit: Duration) -> Self {
        let message = format!("the request took longer than {} seconds; ask for less at once", limit.as_secs_f32());
        Self::new(StatusCode::GATEWAY_TIMEOUT, "TIMEOUT", message)
    }

    /// A fault of ours.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", crate::error::Error::INTERNAL)
    }

    /// With a header more.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With the seconds after which it is worth trying again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// As an answer.
    pub fn respond(self, media_type: MediaType) -> HttpResponse {
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
fn was_run(response: &Response) -> bool {
    response.data != Value::Null
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
}

/// An answer of the schema, written down.
pub struct Answer {
    /// The answer in JSON.
    pub body: Bytes,
    /// Whether the request was run at all.
    pub was_run: bool,
    /// Its errors.
    pub errors: Vec<ServerError>,
}

impl Answer {
    /// Writes an answer.
    ///
    /// # Errors
    /// Where it has no form in JSON.
    pub fn of(response: Response) -> Result<Self, Refusal> {
        let was_run = was_run(&response);
        let body = json_writer::response(&response, was_run).map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            Refusal::internal()
        })?;
        Ok(Self { body: body.into(), was_run, errors: response.errors })
    }
}

/// Gives each error its code, leaves out what is too much, and logs the faults of ours under the request's id.
pub fn tell_errors(response: &mut Response, request_id: &str) {
    let was_run = was_run(response);
    let counted = response.errors.len();
    let mut bytes = 0;
    let mut logged = Vec::new();
    let mut kept = Vec::new();
    // The last place is for saying how many more there are.
    let most = if counted > MOST_ERRORS { MOST_ERRORS - 1 } else { MOST_ERRORS };
    for mut error in response.errors.drain(..).take(most) {
        shorten(&mut error.message);
        // Not used by clients, and as many as there are fields of the same name.
        error.locations.truncate(10);
        let own = error.source::<Error>().cloned();
        let extensions = error.extensions.get_or_insert_default();
        describe(extensions, own.as_ref(), was_run);
        if let Some(own) = own.filter(Error::is_ours) {
            log_once(&own, request_id, &mut logged);
            extensions.set("requestId", request_id);
        }
        bytes += serde_json::to_vec(&error).map_or(0, |text| text.len());
        if bytes > MOST_ERROR_BYTES - 200 {
            break;
        }
        kept.push(error);
    }
    let hidden = counted - kept.len();
    response.errors = kept;
    if hidden > 0 {
        let mut error = ServerError::new(format!("{hidden} more errors are not shown"), None);
        describe(error.extensions.get_or_insert_default(), None, was_run);
        response.errors.push(error);
    }
}

fn describe(extensions: &mut ErrorExtensionValues, own: Option<&Error>, was_run: bool) {
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

fn shorten(message: &mut String) {
    if let Some((end, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
}

/// One failed statement fails many fields: it is logged once.
fn log_once(error: &Error, request_id: &str, logged: &mut Vec<String>) {
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
