//! Stage 6: status, headers and body of the response.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentEncoding, ETag, EntityTag, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Response, Value};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::graphql::DirectorySchema;
use crate::graphql::limits::query_cost::QueryCost;
use crate::http::content_negotiation::{MediaType, prefers_zstd};
use crate::http::error::HttpError;
use crate::http::graphql_handler::extract::{COST_HEADER, POSITION_HEADER};
use crate::http::graphql_handler::record::RequestLog;
use crate::http::rate_limit::QuotaStatus;
use crate::http::response::{self, EncodedResponse};
use crate::http::response_cache::{CachedResponse, ResponseBody};
use crate::http::{AppState, conditional, is_read};

/// The request headers that a response depends on: those that select a representation, and [`PERSONAL_HEADERS`], so that a
/// shared cache forwards requests with one of them. nginx stores no response whose `Vary` exceeds 128 bytes.
pub(super) const VARY_VALUE: &str =
    "Accept, Accept-Encoding, Accept-Language, Authorization, X-Directory-Position, X-Query-Cost";
/// Request headers whose response is meant for one client: its rate limit, its position, or the cost it asked for.
pub(in crate::http) const PERSONAL_HEADERS: [HeaderName; 3] = [header::AUTHORIZATION, POSITION_HEADER, COST_HEADER];

/// Encodes responses to one request.
pub(super) struct Reply<'a> {
    pub(super) http: &'a HttpRequest,
    pub(super) state: &'a AppState,
    pub(super) media_type: MediaType,
    /// Whether the URL alone determines the query, so that shared caches may store the response.
    pub(super) is_by_id: bool,
}

impl Reply<'_> {
    /// The response to an executed query.
    pub(super) fn executed(&self, response: &EncodedResponse, log: &mut RequestLog) -> Result<HttpResponse, HttpError> {
        log.set_outcome(response);
        let body = ResponseBody::Plain(response.body.clone());
        let mut http_response = self.encode_body(&body, response.errors.is_empty(), log)?;
        if response.is_timed_out {
            *http_response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
        } else if self.media_type == MediaType::GraphQlResponse && !response.is_executed {
            *http_response.status_mut() = StatusCode::BAD_REQUEST;
        }
        Ok(http_response)
    }

    /// The response from the cache.
    pub(super) fn cached(&self, cached: &CachedResponse, log: &mut RequestLog) -> Result<HttpResponse, HttpError> {
        log.outcome = "ok";
        log.is_cached = true;
        self.encode_body(&cached.body, true, log)
    }

    /// The response to an invalid query.
    pub(super) fn rejected(self, mut rejected: Box<Response>, log: &mut RequestLog) -> Result<HttpResponse, HttpError> {
        response::sanitize_errors(&mut rejected, &log.request_id);
        self.without_execution(*rejected, log)
    }

    /// The cost of a query, without data.
    pub(super) fn cost_only(self, cost: QueryCost, log: &mut RequestLog) -> Result<HttpResponse, HttpError> {
        let mut response = Response::new(Value::Null);
        set_cost_extension(&mut response, cost, &self.state.schema);
        self.without_execution(response, log)
    }

    fn without_execution(self, response: Response, log: &mut RequestLog) -> Result<HttpResponse, HttpError> {
        Self { is_by_id: false, ..self }.executed(&EncodedResponse::encode(response)?, log)
    }

    /// A response with its body and caching headers.
    fn encode_body(
        &self,
        body: &ResponseBody,
        is_successful: bool,
        log: &mut RequestLog,
    ) -> Result<HttpResponse, HttpError> {
        let has_etag = is_read(self.http) && is_successful;
        let compressed = match body {
            ResponseBody::Compressed { zstd, length } if prefers_zstd(self.http) => Some((zstd, *length)),
            _ => None,
        };
        // If the cached compressed form is sent without an ETag, the JSON is not needed.
        let json = if has_etag || compressed.is_none() { body.text() } else { Some(Bytes::new()) };
        let json = json.ok_or_else(|| {
            tracing::error!("a cached response could not be decompressed");
            HttpError::internal()
        })?;
        let mut builder = HttpResponse::Ok();
        builder.content_type(self.media_type.content_type()).insert_header((header::VARY, VARY_VALUE));
        if has_etag {
            // Weak: the same for every content encoding.
            let etag = EntityTag::new_weak(HEXLOWER.encode(&Sha256::digest(&json)[..16]));
            let cache_control = cache_control(self.http, self.state, self.is_by_id);
            builder.insert_header(ETag(etag.clone())).insert_header((header::CACHE_CONTROL, cache_control));
            if conditional::is_not_modified(self.http, &etag) {
                return Ok(builder.status(StatusCode::NOT_MODIFIED).finish());
            }
        } else {
            builder.insert_header((header::CACHE_CONTROL, "no-store"));
        }
        let Some((zstd, length)) = compressed else { return Ok(builder.body(json)) };
        log.json_bytes = u64::try_from(length).ok();
        Ok(builder.insert_header(ContentEncoding::Zstd).body(zstd.clone()))
    }
}

/// The value of `Cache-Control` of a response that may be stored. If the URL alone determines it, shared caches may store it,
/// unless it is meant for one client. They would otherwise have to store that to a request with `Authorization`, too, since
/// `public` allows it (RFC 9111, section 3.5).
pub(super) fn cache_control(http: &HttpRequest, state: &AppState, is_by_url: bool) -> String {
    let is_public = is_by_url && PERSONAL_HEADERS.iter().all(|name| !http.headers().contains_key(name));
    match state.persisted_query_max_age.as_secs() {
        seconds if is_public && seconds > 0 => format!("public, max-age={seconds}"),
        _ => "private, no-cache".to_owned(),
    }
}

/// The response, or that of an error.
pub(super) fn into_http_response(http: &HttpRequest, result: Result<HttpResponse, HttpError>) -> HttpResponse {
    result.unwrap_or_else(|error| error.into_response(MediaType::negotiate(http).unwrap_or(MediaType::Json)))
}

/// Adds the headers of the replication position and the rate limit.
pub(super) fn with_log_headers(mut response: HttpResponse, log: &RequestLog) -> HttpResponse {
    if let Some(value) = log.position.and_then(|position| HeaderValue::from_str(&position.to_string()).ok()) {
        response.headers_mut().insert(POSITION_HEADER, value);
    }
    for (name, value) in log.quota.iter().flat_map(QuotaStatus::headers) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Adds the query cost and its limits as `extensions.cost`.
pub(super) fn set_cost_extension(response: &mut Response, cost: QueryCost, schema: &DirectorySchema) {
    let limits = schema.limits();
    let object = |nodes: u64, statements: Option<u64>, total: u64| {
        let statements = statements.map(|statements| (Name::new("statements"), Value::from(statements)));
        let totals = [(Name::new("nodes"), Value::from(nodes)), (Name::new("cost"), Value::from(total))];
        Value::Object(totals.into_iter().chain(statements).collect())
    };
    let mut extension = IndexMap::new();
    extension.insert(Name::new("requested"), object(cost.nodes, Some(cost.statements), cost.total()));
    extension.insert(Name::new("limit"), object(limits.nodes, None, limits.cost));
    response.extensions.insert("cost".to_owned(), Value::Object(extension));
}
