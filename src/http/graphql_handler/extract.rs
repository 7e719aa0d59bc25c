//! Stage 1: method, media type and parameters of the request.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Payload;
use async_graphql::{Request, Variables};
use futures_util::StreamExt as _;

use crate::error::Error;
use crate::http::content_negotiation::{IsPreferred, MediaType, accepts_event_stream};
use crate::http::error::HttpError;
use crate::http::request_params::{self, RequestParams};
use crate::http::{AppState, csrf};
use crate::model::language::AcceptedLanguages;
use crate::store::access::revision::Lsn;

/// The replication position (LSN). In a response: all changes up to it are included. In a request: the response must
/// include all changes up to it.
pub(in crate::http) const POSITION_HEADER: HeaderName = HeaderName::from_static("x-directory-position");
pub(super) const COST_HEADER: HeaderName = HeaderName::from_static("x-query-cost");

/// A request whose method and headers are valid.
pub(super) struct ExtractedRequest {
    /// The media type of the response.
    pub(super) media_type: MediaType,
    pub(super) event_stream: EventStream,
    pub(super) params: RawParams,
}

/// Whether the client accepts the results as server-sent events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventStream {
    No,
    /// For a subscription, which has no other form.
    Accepted,
    /// For every operation.
    Preferred,
}

/// The GraphQL parameters before parsing.
pub(super) enum RawParams {
    Body(Vec<u8>),
    QueryString,
}

impl RawParams {
    /// The parsed parameters, or a message that says what is wrong with them.
    pub(super) fn parse(self, http: &HttpRequest) -> Result<RequestParams, String> {
        match self {
            Self::Body(body) => request_params::parse_body(&body),
            Self::QueryString => request_params::parse_query_string(http.query_string()),
        }
    }
}

/// Extracts a POST request, including its body.
pub(super) async fn from_body(
    http: &HttpRequest,
    payload: Payload,
    state: &AppState,
) -> Result<ExtractedRequest, HttpError> {
    let (media_type, event_stream) = negotiate(http, state)?;
    check_content_type(http)?;
    let body = read_body(http, payload, state.limits.body_bytes, state.body_timeout).await?;
    Ok(ExtractedRequest { media_type, event_stream, params: RawParams::Body(body) })
}

/// Extracts a GET request, unless another site may have sent it through a reader's browser.
pub(super) fn from_query_string(http: &HttpRequest, state: &AppState) -> Result<ExtractedRequest, HttpError> {
    let (media_type, event_stream) = negotiate(http, state)?;
    // A form, image or link does not ask for an event stream, and the origin of a script that does has been checked.
    if event_stream != EventStream::Preferred && !csrf::passes_csrf_check(http) {
        return Err(HttpError::bad_request("BAD_USER_INPUT", csrf::MESSAGE));
    }
    Ok(ExtractedRequest { media_type, event_stream, params: RawParams::QueryString })
}

/// A GraphQL operation with everything its response depends on.
pub(super) struct OperationRequest {
    pub(super) query: String,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Variables,
    pub(super) languages: AcceptedLanguages,
    /// Whether the query was identified by hash or id alone, so that the URL determines the response.
    pub(super) is_by_id: bool,
    pub(super) persisted: PersistedQuery,
    pub(super) cost_report: CostReport,
    /// The position that the response must include.
    pub(super) min_position: Option<Lsn>,
    /// The cursor after which a subscription resumes.
    pub(super) resume_after: Option<String>,
}

impl OperationRequest {
    /// A query of the service itself.
    pub(super) fn own(
        document: &str,
        operation_name: Option<&str>,
        variables: Variables,
        languages: AcceptedLanguages,
        min_position: Option<Lsn>,
    ) -> Self {
        Self {
            query: document.to_owned(),
            operation_name: operation_name.map(ToOwned::to_owned),
            variables,
            languages,
            is_by_id: false,
            persisted: PersistedQuery(None),
            cost_report: CostReport::Off,
            min_position,
            resume_after: None,
        }
    }

    /// The operation for the GraphQL engine, and the automatic persisted query to register if it passes.
    pub(super) fn into_query(self) -> (Request, PersistedQuery) {
        let mut query = Request::new(self.query).variables(self.variables);
        if let Some(name) = self.operation_name {
            query = query.operation_name(name);
        }
        (query.data(self.languages), self.persisted)
    }
}

/// An automatic persisted query: its hash and text, if the client sent a hash.
pub(super) struct PersistedQuery(Option<(String, String)>);

impl PersistedQuery {
    /// Registers the query under its hash.
    pub(super) fn register(&self, state: &AppState) {
        if let Some((hash, text)) = &self.0 {
            state.persisted_queries.register(hash, text);
        }
    }
}

/// What affects the response besides the parameters.
pub(super) struct OperationContext {
    languages: AcceptedLanguages,
    cost_report: CostReport,
    min_position: Option<Lsn>,
}

impl OperationContext {
    /// Reads the headers of a request.
    pub(super) fn from_headers(http: &HttpRequest) -> Result<Self, HttpError> {
        let cost_report = CostReport::from_header(http)?;
        Ok(Self { languages: accepted_languages(http), cost_report, min_position: min_position(http)? })
    }

    /// That of an operation without headers of its own.
    pub(super) fn with_languages(languages: AcceptedLanguages) -> Self {
        Self { languages, cost_report: CostReport::Off, min_position: None }
    }
}

/// Resolves persisted queries. The context is read after that.
pub(super) fn operation(
    state: &AppState,
    mut params: RequestParams,
    context: impl FnOnce() -> Result<OperationContext, HttpError>,
) -> Result<OperationRequest, HttpError> {
    let document = state.persisted_queries.resolve(&mut params)?;
    // The copy is made only for a client that sends the hash to register.
    let persisted = PersistedQuery(params.sha256_hash.take().map(|hash| (hash, document.text.clone())));
    let OperationContext { languages, cost_report, min_position } = context()?;
    Ok(OperationRequest {
        query: document.text,
        operation_name: params.operation_name.filter(|name| !name.is_empty()),
        variables: params.variables,
        languages,
        is_by_id: document.is_by_id,
        persisted,
        cost_report,
        min_position,
        resume_after: None,
    })
}

/// Whether the client reports the query cost, by the header `X-Query-Cost`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CostReport {
    Off,
    /// With the response.
    Include,
    /// Instead of executing the query.
    DryRun,
}

impl CostReport {
    pub(super) fn is_dry_run(self) -> bool {
        self == Self::DryRun
    }

    fn from_header(http: &HttpRequest) -> Result<Self, HttpError> {
        match http.headers().get(COST_HEADER).map(HeaderValue::as_bytes) {
            None => Ok(Self::Off),
            Some(b"report") => Ok(Self::Include),
            Some(b"only") => Ok(Self::DryRun),
            Some(_) => Err(HttpError::bad_request(
                "BAD_USER_INPUT",
                "X-Query-Cost must be `report` (add the cost to the response) or `only` (return the cost without executing \
                 the query)",
            )),
        }
    }
}

pub(super) fn min_position(http: &HttpRequest) -> Result<Option<Lsn>, HttpError> {
    let Some(value) = http.headers().get(POSITION_HEADER) else { return Ok(None) };
    let position = value.to_str().unwrap_or_default().parse();
    position
        .map(Some)
        .map_err(|error: Error| HttpError::bad_request("BAD_USER_INPUT", format!("X-Directory-Position: {error}")))
}

/// The client's languages. The header may be repeated.
pub(in crate::http) fn accepted_languages(http: &HttpRequest) -> AcceptedLanguages {
    let values = http.headers().get_all(header::ACCEPT_LANGUAGE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    AcceptedLanguages::parse(&values.collect::<Vec<_>>().join(","))
}

/// Whether `Accept` includes HTML, as that of a browser's address bar does.
pub(in crate::http) fn accepts_html(http: &HttpRequest) -> bool {
    let values = http.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    values.into_iter().any(|value| value.to_ascii_lowercase().contains("text/html"))
}

/// The media type of the response, and whether it can be an event stream instead.
fn negotiate(http: &HttpRequest, state: &AppState) -> Result<(MediaType, EventStream), HttpError> {
    let event_stream = match (accepts_event_stream(http), MediaType::negotiate(http)) {
        (None, Some(media_type)) => return Ok((media_type, EventStream::No)),
        (None, None) => {
            return Err(HttpError::new(
                StatusCode::NOT_ACCEPTABLE,
                "BAD_USER_INPUT",
                "not acceptable; accept application/graphql-response+json, application/json or text/event-stream, in UTF-8",
            ));
        }
        (Some(IsPreferred(true)), _) | (Some(_), None) => EventStream::Preferred,
        (Some(IsPreferred(false)), Some(_)) => EventStream::Accepted,
    };
    if event_stream == EventStream::Preferred && !state.stream_origins.allows(http.headers()) {
        return Err(HttpError::foreign_origin());
    }
    // Errors of the request are JSON.
    Ok((MediaType::negotiate(http).unwrap_or(MediaType::Json), event_stream))
}

/// Checks that the body is JSON in UTF-8. Browsers let other sites send other media types without a CORS preflight.
fn check_content_type(http: &HttpRequest) -> Result<(), HttpError> {
    let header = http.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(media_type) = header.and_then(|value| value.parse::<mime::Mime>().ok()) else {
        return Err(HttpError::unsupported_media_type(
            "the Content-Type header is missing or invalid; send the query as JSON, with Content-Type: application/json",
        ));
    };
    if media_type.essence_str() != "application/json" {
        return Err(HttpError::unsupported_media_type(
            "unsupported Content-Type; send the query as JSON, with Content-Type: application/json",
        ));
    }
    if media_type.get_param(mime::CHARSET).is_some_and(|charset| charset != mime::UTF_8) {
        return Err(HttpError::unsupported_media_type("unsupported charset; send JSON in UTF-8"));
    }
    let encoding = http.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let error =
            HttpError::unsupported_media_type("compressed bodies are not supported; send it without Content-Encoding");
        return Err(error.with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    Ok(())
}

/// Reads the whole body, within a maximum size and a timeout.
pub(in crate::http) async fn read_body(
    http: &HttpRequest,
    mut payload: Payload,
    max_bytes: usize,
    timeout: Duration,
) -> Result<Vec<u8>, HttpError> {
    let too_large = || {
        let message = format!("the request body is too large; the limit is {max_bytes} bytes");
        // The rest of the body is not read.
        HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "LIMIT_EXCEEDED", message)
            .with_header(header::CONNECTION, HeaderValue::from_static("close"))
    };
    let content_length =
        http.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if content_length.is_some_and(|length: usize| length > max_bytes) {
        return Err(too_large());
    }
    let reading = async {
        let mut body = Vec::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| {
                HttpError::bad_request("BAD_USER_INPUT", "the request body could not be read; send it again")
            })?;
            if body.len() + chunk.len() > max_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    tokio::time::timeout(timeout, reading).await.unwrap_or_else(|_| {
        let message = format!("the request body did not arrive within {} seconds", timeout.as_secs_f32());
        Err(HttpError::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", message)
            .with_header(header::CONNECTION, HeaderValue::from_static("close")))
    })
}
