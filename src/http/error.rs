//! Errors of requests that are rejected before a query is executed.
//!
//! A 503 is decided in four places: [`admission`](crate::http::admission) (too many requests of one
//! client, or too many at once),
//! [`connections`](crate::http::connections) (too many open connections), `graphql_handler::execute` (the database is
//! unavailable, as [`crate::error::Error`] classifies it) and `health::ready` (not ready, or shutting down).

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};

use crate::http::content_negotiation::MediaType;

/// An HTTP status with a single GraphQL error.
#[derive(Debug)]
pub struct HttpError {
    /// The status.
    pub status: StatusCode,
    /// The code in `extensions.code`.
    pub code: &'static str,
    /// What is wrong and how to fix it.
    pub message: String,
    /// Headers of the response.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl HttpError {
    /// An error with a status and a code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    /// 400 Bad Request.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 415 Unsupported Media Type.
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_USER_INPUT", message)
    }

    /// 405 Method Not Allowed, with the allowed methods.
    pub fn method_not_allowed(allowed: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_USER_INPUT", message)
            .with_header(header::ALLOW, HeaderValue::from_static(allowed))
    }

    /// The hash of an automatic persisted query is unknown. Clients recognize this message and send the text.
    pub fn persisted_query_not_found() -> Self {
        Self::new(StatusCode::OK, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    }

    /// The manifest does not contain the operation, and only its operations are accepted.
    pub fn operation_not_trusted() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "OPERATION_NOT_TRUSTED",
            "the operation is not in this service's manifest; send one of its operations, or the documentId of one",
        )
    }

    /// 403: a page of another site asks for a socket or an event stream.
    pub fn foreign_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "FORBIDDEN",
            "pages of this Origin may not open sockets and event streams; the operator can list it in CORS_ORIGINS",
        )
    }

    /// 503 Service Unavailable, with `Retry-After`.
    pub fn service_unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", message).with_retry_after(1)
    }

    /// 503: too many requests are executed or wait.
    pub fn overloaded() -> Self {
        Self::service_unavailable("the service is overloaded; retry after the number of seconds in Retry-After")
    }

    /// The request exceeded its timeout.
    pub fn timeout(timeout: Duration) -> Self {
        let message =
            format!("the request exceeded the timeout of {} seconds; request less data at once", timeout.as_secs_f32());
        Self::new(StatusCode::GATEWAY_TIMEOUT, "TIMEOUT", message)
    }

    /// An internal error; its cause is in the log only.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", crate::error::Error::INTERNAL_MESSAGE)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds `Retry-After`, in seconds.
    #[must_use]
    pub fn with_retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The error as a list of GraphQL errors, for a message without headers.
    #[must_use]
    pub fn to_errors(&self) -> serde_json::Value {
        let mut extensions = serde_json::json!({ "code": self.code });
        let retry_after = self.headers.iter().find(|(name, _)| name == header::RETRY_AFTER);
        if let Some(seconds) = retry_after.and_then(|(_, value)| value.to_str().ok()?.parse::<u64>().ok()) {
            extensions["retryAfter"] = seconds.into();
        }
        serde_json::json!([{ "message": self.message, "extensions": extensions }])
    }

    /// The error as a GraphQL response.
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
