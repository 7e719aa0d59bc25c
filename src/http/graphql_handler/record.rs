//! Stage 7: one log line, one observation of the metrics and one trace span per request. None of them contains the query
//! or its variables.

use std::time::Instant;

use actix_web::body::{BodySize, MessageBody as _};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::Value;
use async_graphql::parser::types::OperationType;
use tracing::Span;

use crate::graphql::limits::query_cost::QueryCost;
use crate::http::AppState;
use crate::http::error::HttpError;
use crate::http::graphql_handler::encode;
use crate::http::metrics::RequestObservation;
use crate::http::rate_limit::QuotaStatus;
use crate::http::request_id::RequestId;
use crate::http::response::EncodedResponse;
use crate::store::access::executor::StatementCounter;
use crate::store::access::revision::Lsn;
use crate::telemetry;

/// What the stages find out about a request.
pub(super) struct RequestLog {
    pub(super) request_id: String,
    operation_type: Option<OperationType>,
    operation_name: Option<String>,
    pub(super) cost: Option<QueryCost>,
    pub(super) statements: Option<StatementCounter>,
    /// Whether the response comes from the response cache.
    pub(super) is_cached: bool,
    /// The replication position that the response includes, if it was read.
    pub(super) position: Option<Lsn>,
    /// The client's rate limit after the request.
    pub(super) quota: Option<QuotaStatus>,
    pub(super) outcome: &'static str,
    /// The limit or error code that the request was rejected by.
    error_code: Option<String>,
    /// The length of the JSON, if it is sent compressed from the cache.
    pub(super) json_bytes: Option<u64>,
}

impl RequestLog {
    pub(super) fn new(request_id: String) -> Self {
        Self {
            request_id,
            operation_type: None,
            operation_name: None,
            cost: None,
            statements: None,
            is_cached: false,
            position: None,
            quota: None,
            outcome: "",
            error_code: None,
            json_bytes: None,
        }
    }

    /// Sets type, name and cost of the operation, also in the trace span.
    pub(super) fn set_operation(&mut self, operation_type: Option<OperationType>, name: Option<&str>, cost: QueryCost) {
        self.operation_type = operation_type;
        self.operation_name = name.map(str::to_owned);
        self.cost = Some(cost);
        if let Some(operation_type) = operation_type {
            telemetry::set_request_operation(&Span::current(), &operation_type.to_string(), name);
        }
    }

    /// Sets the outcome by the errors of a GraphQL response.
    pub(super) fn set_outcome(&mut self, response: &EncodedResponse) {
        self.outcome = match (response.is_executed, response.errors.first()) {
            (_, None) => "ok",
            (_, Some(_)) if response.is_timed_out => {
                self.error_code = Some("TIMEOUT".to_owned());
                "timeout"
            }
            (true, Some(_)) => "partial",
            (false, Some(error)) => {
                let extension = |name| match error.extensions.as_ref()?.get(name)? {
                    Value::String(text) => Some(text.clone()),
                    _ => None,
                };
                self.error_code = extension("limit").or_else(|| extension("code"));
                "refused"
            }
        };
    }

    fn set_error(&mut self, error: &HttpError) {
        self.error_code = Some(error.code.to_owned());
        self.outcome = match error.status {
            StatusCode::SERVICE_UNAVAILABLE => "unavailable",
            StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => "timeout",
            StatusCode::INTERNAL_SERVER_ERROR => "error",
            _ => "refused",
        };
    }
}

/// Records a request when it is dropped: with its response, or as cancelled if the client disconnected first.
pub(super) struct Recorder<'a> {
    state: &'a AppState,
    started_at: Instant,
    span: Span,
    pub(super) log: RequestLog,
    response: Option<SentResponse>,
}

/// What was sent for a request.
struct SentResponse {
    /// `None` for an operation over a socket.
    status: Option<StatusCode>,
    /// The size of the body, if it is known.
    bytes: Option<u64>,
}

impl<'a> Recorder<'a> {
    /// Starts the request's trace span and timer.
    pub(super) fn start(http: &'a HttpRequest, state: &'a AppState) -> Self {
        let header = |name: &str| http.headers().get(name)?.to_str().ok().map(str::to_owned);
        Self::with_id(state, http.method().as_str(), RequestId::of(http), header)
    }

    /// Starts those of an operation over a socket, which has an id of its own.
    pub(super) fn start_message(state: &'a AppState) -> Self {
        Self::with_id(state, "GET", RequestId::generate(), |_| None)
    }

    fn with_id(state: &'a AppState, method: &str, request_id: String, header: impl Fn(&str) -> Option<String>) -> Self {
        let span = telemetry::request_span(method, &request_id, header);
        let log = RequestLog::new(request_id);
        Self { state, started_at: Instant::now(), span, log, response: None }
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Turns the result of the stages into the response and records it.
    pub(super) fn finish(self, http: &HttpRequest, result: Result<HttpResponse, HttpError>) -> HttpResponse {
        self.finish_with(result, |result| encode::into_http_response(http, result))
    }

    /// Encodes the result of the stages and records the response.
    pub(super) fn finish_with<T>(
        mut self,
        result: Result<T, HttpError>,
        encode: impl FnOnce(Result<T, HttpError>) -> HttpResponse,
    ) -> HttpResponse {
        if let Err(error) = &result {
            self.log.set_error(error);
        }
        let response = encode::with_log_headers(encode(result), &self.log);
        let bytes = match response.body().size() {
            BodySize::Sized(bytes) => Some(bytes),
            BodySize::None => Some(0),
            BodySize::Stream => None,
        };
        self.response = Some(SentResponse { status: Some(response.status()), bytes });
        response
    }

    /// Records the result of an operation over a socket: the size of its message, or why it was rejected.
    pub(super) fn finish_message(mut self, result: Result<usize, &HttpError>) {
        if let Err(error) = result {
            self.log.set_error(error);
        }
        self.response = Some(SentResponse { status: None, bytes: result.ok().and_then(|bytes| bytes.try_into().ok()) });
    }
}

impl Drop for Recorder<'_> {
    fn drop(&mut self) {
        let log = &self.log;
        let outcome = if self.response.is_some() { log.outcome } else { "cancelled" };
        let time = self.started_at.elapsed();
        let statements = log.statements.as_ref().map_or(0, StatementCounter::request_count);
        let operation = log.operation_name.as_deref();
        let status = self.response.as_ref().and_then(|response| Some(response.status?.as_u16()));
        let error_code = log.error_code.as_deref();
        tracing::info!(
            target: "academic_directory::request",
            request_id = %log.request_id,
            trace_id = telemetry::trace_id(&self.span),
            kind = log.operation_type.map(|operation_type| operation_type.to_string()),
            operation = operation.map(|name| name.chars().take(100).collect::<String>()),
            outcome,
            refusal = error_code,
            status,
            milliseconds = (time.as_secs_f64() * 1e6).round() / 1000.0,
            statements,
            cost = log.cost.map(QueryCost::total),
            cached = log.is_cached,
            bytes = log.json_bytes.or(self.response.as_ref().and_then(|response| response.bytes)),
            "{}", if self.response.is_some() { "request completed" } else { "request cancelled by the client" }
        );
        let is_failure = matches!(outcome, "unavailable" | "timeout" | "error");
        telemetry::finish_request_span(&self.span, status, is_failure, outcome, error_code, statements);
        self.state.metrics.observe(&RequestObservation {
            operation,
            outcome,
            statements,
            time,
            error_code: error_code.map(str::to_owned),
        });
    }
}
