//! Responses of the GraphQL schema: their errors, and their encoding as JSON.

use actix_web::web::Bytes;
use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use crate::error::Error;
use crate::graphql::engine::json_writer;
use crate::http::error::HttpError;

/// Maximum number of errors in a response, and their maximum size: a query can contain as many errors as characters.
const MAX_ERRORS: usize = 10;
const MAX_ERRORS_BYTES: usize = 16 * 1024;
/// Maximum length of a message: it can quote a name or a number of the query.
const MAX_MESSAGE_CHARS: usize = 500;

/// Whether the query was executed: an error before execution has no path.
fn is_executed(response: &Response) -> bool {
    response.data != Value::Null
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
}

/// Whether the response has no data because statements exceeded their timeout, and for no other reason.
#[must_use]
pub fn is_timed_out(response: &Response) -> bool {
    let is_timeout = |error: &ServerError| matches!(error.source::<Error>(), Some(Error::Timeout(_)));
    response.data == Value::Null && !response.errors.is_empty() && response.errors.iter().all(is_timeout)
}

/// A GraphQL response encoded as JSON.
pub struct EncodedResponse {
    /// The JSON.
    pub body: Bytes,
    /// Whether the query was executed.
    pub is_executed: bool,
    /// Whether there is no data because of timeouts alone.
    pub is_timed_out: bool,
    /// The errors of the response.
    pub errors: Vec<ServerError>,
}

impl EncodedResponse {
    /// Encodes a response.
    ///
    /// # Errors
    /// If the response cannot be represented in JSON.
    pub fn encode(response: Response) -> Result<Self, HttpError> {
        let was_run = is_executed(&response);
        let body = json_writer::write_response(&response, was_run).map_err(|error| {
            tracing::error!(%error, "the response could not be encoded");
            HttpError::internal()
        })?;
        Ok(Self { body: body.into(), is_executed: was_run, is_timed_out: false, errors: response.errors })
    }
}

/// Sets the code of each error, drops excess errors, and logs internal errors with the request id.
pub fn sanitize_errors(response: &mut Response, request_id: &str) {
    let was_run = is_executed(response);
    let counted = response.errors.len();
    let mut bytes = 0;
    let mut logged = Vec::new();
    let mut reported = Vec::new();
    // The last error reports how many were dropped.
    let max_reported = if counted > MAX_ERRORS { MAX_ERRORS - 1 } else { MAX_ERRORS };
    for mut error in response.errors.drain(..).take(max_reported) {
        truncate_message(&mut error.message);
        // Clients do not use them, and there is one per field of the same name.
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
        reported.push(error);
    }
    let dropped = counted - reported.len();
    response.errors = reported;
    if dropped > 0 {
        let mut error = ServerError::new(format!("{dropped} more errors are omitted"), None);
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

/// Logs an error and its causes, once for all fields that failed with it.
fn log_error_once(error: &Error, request_id: &str, logged: &mut Vec<String>) {
    let mut chain = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        chain = format!("{chain}: {next}");
        cause = next.source();
    }
    if !logged.contains(&chain) {
        tracing::error!(%request_id, error = %chain, "query failed");
        logged.push(chain);
    }
}
