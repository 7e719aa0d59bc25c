//! Resources of the service besides `/graphql`: pages, linked data, the sitemap, OAI-PMH. The queries from whose responses
//! they are rendered pass the same stages as those of clients; what they read from the store without GraphQL has the same
//! limits; and a request is recorded in the same way.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ETag, EntityTag};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use async_graphql::parser::types::OperationType;
use async_graphql::{ServerError, Value, Variables};
use data_encoding::HEXLOWER;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;

use crate::error::Error;
use crate::graphql::limits::query_cost::QueryCost;
use crate::http::admission::Permit;
use crate::http::client_id::ClientId;
use crate::http::error::HttpError;
use crate::http::graphql_handler::extract::{self, OperationRequest};
use crate::http::graphql_handler::identify::{self, Client};
use crate::http::graphql_handler::limits::{self, Operation, Transport};
use crate::http::graphql_handler::record::{Recorder, RequestLog};
use crate::http::graphql_handler::{Answer, answer, cache, encode, execute};
use crate::http::response_cache::{CacheKey, CachedResponse, PageHeaders, ResponseBody};
use crate::http::{AppState, conditional, response};
use crate::model::language::AcceptedLanguages;
use crate::store::Store;
use crate::store::access::revision::Lsn;

/// Answers a request for a resource, and records the outcome.
pub(in crate::http) async fn respond(
    http: &HttpRequest,
    state: &AppState,
    work: impl AsyncFnOnce(&mut ResourceRequest<'_>) -> Result<HttpResponse, HttpError>,
) -> HttpResponse {
    respond_with(http, state, work, |result| encode::into_http_response(http, result)).await
}

/// Answers with what `encode` makes of the result, also of an error, such as a page.
pub(in crate::http) async fn respond_with<T>(
    http: &HttpRequest,
    state: &AppState,
    work: impl AsyncFnOnce(&mut ResourceRequest<'_>) -> Result<T, HttpError>,
    encode: impl FnOnce(Result<T, HttpError>) -> HttpResponse,
) -> HttpResponse {
    let mut recorder = Recorder::start(http, state);
    let span = recorder.span();
    let result = async {
        let min_position = extract::min_position(http)?;
        let client = identify::client(http, state);
        let mut request = ResourceRequest { state, client, min_position, cost: 0, log: &mut recorder.log };
        work(&mut request).await
    };
    let result = result.instrument(span).await;
    if result.is_ok() {
        recorder.log.outcome = "ok";
    }
    recorder.finish_with(result, encode)
}

/// A query of the service itself.
pub(in crate::http) struct OwnQuery<'a> {
    pub(in crate::http) document: &'a str,
    /// The operation to execute, if the document has several.
    pub(in crate::http) operation_name: Option<&'a str>,
    pub(in crate::http) variables: Json,
    /// The languages of texts, unless they are among the variables.
    pub(in crate::http) languages: AcceptedLanguages,
}

impl OwnQuery<'_> {
    fn into_request(self, min_position: Option<Lsn>) -> OperationRequest {
        let Self { document, operation_name, variables, languages } = self;
        OperationRequest::own(document, operation_name, Variables::from_json(variables), languages, min_position)
    }
}

/// A page that was rendered from the response to a query.
pub(in crate::http) struct RenderedPage {
    pub(in crate::http) html: String,
    /// The value of the `Link` header.
    pub(in crate::http) link: Option<String>,
}

/// A request, with what it has cost so far.
pub(in crate::http) struct ResourceRequest<'a> {
    state: &'a AppState,
    client: Client<'a>,
    min_position: Option<Lsn>,
    cost: u64,
    log: &'a mut RequestLog,
}

impl ResourceRequest<'_> {
    /// The response to a query, as JSON. Its cost is debited from the client's quota. It has no errors: a resource is
    /// rendered from complete data only.
    pub(in crate::http) async fn json(&mut self, query: OwnQuery<'_>) -> Result<Bytes, HttpError> {
        self.log.replace_cost(None);
        let result = run_query(self.state, &self.client, query.into_request(self.min_position), self.log).await;
        self.cost = self.cost.saturating_add(self.log.replace_cost(None).unwrap_or_default());
        self.log.replace_cost(Some(self.cost));
        result
    }

    /// The page that `render` makes of the response to a query, or another response such as a redirect. `address`, its path
    /// and query string, determines the query and the page. Pages are cached like responses.
    pub(in crate::http) async fn page<'q>(
        &mut self,
        address: &str,
        query: impl FnOnce() -> OwnQuery<'q>,
        render: impl FnOnce(&Bytes) -> Result<RenderedPage, Box<HttpResponse>>,
    ) -> Result<Result<CachedResponse, Box<HttpResponse>>, HttpError> {
        let state = self.state;
        let key = state.response_cache.make_key(|| Some(CacheKey::of_page(address)));
        if let Some(key) = &key
            && let Some((page, position)) = state.response_cache.get(&state.store, key, self.min_position).await?
        {
            self.log.position = Some(position);
            self.log.set_operation(Some(OperationType::Query), page.operation_name.as_deref(), page.cost);
            limits::debit(&self.client, page.cost.total(), self.log).await?;
            self.log.is_cached = true;
            return Ok(Ok(page));
        }
        // The response includes this revision or a later one.
        let entry = match key {
            Some(key) => state.response_cache.reserve_page(key, state.store.known_revision().await.as_ref()),
            None => None,
        };
        let query = query();
        let operation_name = query.operation_name.map(ToOwned::to_owned);
        let json = self.json(query).await?;
        let cost = QueryCost { nodes: self.cost, ..QueryCost::default() };
        Ok(render(&json).map(|RenderedPage { html, link }| {
            let headers = PageHeaders { etag: weak_etag(&html), link };
            let page = CachedResponse {
                page: Some(Arc::new(headers)),
                body: ResponseBody::Plain(html.into()),
                operation_name,
                cost,
            };
            // As for responses: there are endlessly many pages that read nothing.
            if let Some(entry) = entry.filter(|_| page.cost.total() > 0) {
                state.response_cache.insert_page(entry, &page);
            }
            page
        }))
    }

    /// The data of a query, as [`Self::json`].
    pub(in crate::http) async fn data(
        &mut self,
        document: &str,
        variables: Json,
        languages: &AcceptedLanguages,
    ) -> Result<Json, HttpError> {
        let languages = languages.clone();
        data_of(&self.json(OwnQuery { document, operation_name: None, variables, languages }).await?)
    }

    /// Debits a cost, at least the minimum, and waits for the client's turn to read from the store. `name` is that of what is
    /// requested, in logs and metrics.
    ///
    /// # Errors
    /// If the cost exceeds the client's quota, or too many requests wait.
    pub(in crate::http) async fn read_store(
        &mut self,
        name: Option<&'static str>,
        cost: u64,
    ) -> Result<(Permit, Store), HttpError> {
        self.record_cost(name, cost);
        limits::debit(&self.client, cost, self.log).await?;
        let permit = limits::admit(&self.client, self.state).await?;
        let cost = QueryCost { nodes: cost, ..QueryCost::default() };
        let operation = Operation { operation_type: None, name: None, cost };
        let reserved = cache::reserve(self.state, None, &operation, self.min_position, self.log).await?;
        Ok((permit, reserved.store))
    }

    /// Debits what the rest of a request costs that reads from the store.
    ///
    /// # Errors
    /// If it exceeds the client's quota.
    pub(in crate::http) async fn debit(&mut self, name: Option<&'static str>, cost: u64) -> Result<(), HttpError> {
        self.record_cost(name, cost);
        if cost > 0 {
            let cost = u32::try_from(cost).unwrap_or(u32::MAX);
            self.log.quota = self.client.debit(cost).await?.or(self.log.quota);
        }
        Ok(())
    }

    /// Debits the minimum cost, for a request that needs no query.
    pub(in crate::http) async fn debit_minimum(&mut self) -> Result<(), HttpError> {
        limits::debit_minimum(&self.client, self.log).await
    }

    /// Executes work within the request timeout, on the threads of queries. If the database becomes unreachable, it fails
    /// at once. If the client disconnects, it is aborted.
    ///
    /// # Errors
    /// If the work fails.
    pub(in crate::http) async fn execute<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, HttpError> {
        Ok(execute::supervise(self.state, &self.log.request_id, work).await??)
    }

    /// Debits a cost in advance, for [`PrepaidQueries`].
    pub(in crate::http) async fn prepay(
        &mut self,
        state: &Data<AppState>,
        languages: &AcceptedLanguages,
        cost: u64,
    ) -> Result<PrepaidQueries, HttpError> {
        limits::debit(&self.client, cost, self.log).await?;
        Ok(PrepaidQueries {
            state: state.clone(),
            client: self.client.id.clone(),
            languages: languages.clone(),
            min_position: self.min_position,
            request_id: self.log.request_id.clone(),
        })
    }

    /// The cost so far.
    pub(in crate::http) fn cost(&self) -> u64 {
        self.cost
    }

    fn record_cost(&mut self, name: Option<&'static str>, cost: u64) {
        self.cost = self.cost.saturating_add(cost);
        self.log.set_operation(None, name, QueryCost { nodes: self.cost, ..QueryCost::default() });
    }
}

/// Further queries of a request, while its response is being sent. Their cost has been debited.
pub(in crate::http) struct PrepaidQueries {
    state: Data<AppState>,
    client: ClientId,
    languages: AcceptedLanguages,
    min_position: Option<Lsn>,
    request_id: String,
}

impl PrepaidQueries {
    /// The data of a query.
    pub(in crate::http) async fn data(&self, document: &str, variables: Json) -> Result<Json, HttpError> {
        let client = identify::prepaid_client(self.client.clone(), &self.state);
        let query = OwnQuery { document, operation_name: None, variables, languages: self.languages.clone() };
        let mut log = RequestLog::new(self.request_id.clone());
        data_of(&run_query(&self.state, &client, query.into_request(self.min_position), &mut log).await?)
    }
}

/// Runs a query of the service itself through the stages of those of clients. Returns the response, as JSON.
async fn run_query(
    state: &AppState,
    client: &Client<'_>,
    request: OperationRequest,
    log: &mut RequestLog,
) -> Result<Bytes, HttpError> {
    match answer(state, client, Ok(request), Transport::Read, log).await? {
        Answer::Cached(cached) => {
            log.is_cached = true;
            cached.body.text().ok_or_else(|| internal("a cached response could not be decompressed"))
        }
        Answer::Executed(response) => {
            log.is_cached = false;
            match response.errors.first() {
                None => Ok(response.body),
                Some(_) if response.is_timed_out => Err(HttpError::timeout(state.request_timeout)),
                Some(error) => Err(error_of_own_query(error)),
            }
        }
        Answer::Rejected(mut rejected) => {
            response::sanitize_errors(&mut rejected, &log.request_id);
            Err(rejected.errors.first().map_or_else(HttpError::internal, error_of_own_query))
        }
        Answer::CostOnly(_) | Answer::Subscription(_) => Err(internal("a query of the service has no response")),
    }
}

/// The documents of the service are valid, so that what is wrong is a variable, which comes from the address; or a limit of
/// queries is set lower than the service needs.
fn error_of_own_query(error: &ServerError) -> HttpError {
    let code = match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => code.as_str(),
        _ => "INTERNAL",
    };
    match code {
        "BAD_USER_INPUT" | "GRAPHQL_VALIDATION_FAILED" => HttpError::bad_request("BAD_USER_INPUT", &error.message),
        "INTERNAL" => internal(&error.message),
        _ => {
            tracing::warn!(message = %error.message, "a query of the service itself was refused");
            HttpError::service_unavailable(&error.message)
        }
    }
}

fn data_of(json: &[u8]) -> Result<Json, HttpError> {
    let mut response: Json = serde_json::from_slice(json).map_err(|error| internal(&error.to_string()))?;
    Ok(response["data"].take())
}

/// An error of the service itself, whose reason is in the log only.
pub(in crate::http) fn internal(reason: &str) -> HttpError {
    tracing::error!(reason, "a resource could not be rendered");
    HttpError::internal()
}

impl From<Error> for HttpError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(_) => Self::service_unavailable(Error::UNAVAILABLE_MESSAGE),
            Error::Busy(message) => Self::service_unavailable(message),
            Error::Timeout(_) => Self::new(StatusCode::GATEWAY_TIMEOUT, "TIMEOUT", error.to_string()),
            error => internal(&error.to_string()),
        }
    }
}

/// An `ETag` of what determines a response. Weak: the same for every content encoding.
pub(in crate::http) fn weak_etag(content: impl AsRef<[u8]>) -> EntityTag {
    EntityTag::new_weak(HEXLOWER.encode(&Sha256::digest(content)[..16]))
}

/// Begins a response that is determined by its address and the directory. The error is the response to a client that has it
/// already.
pub(in crate::http) fn begin(
    http: &HttpRequest,
    state: &AppState,
    etag: &EntityTag,
) -> Result<HttpResponseBuilder, Box<HttpResponse>> {
    let mut builder = begin_without_etag(http, state, StatusCode::OK);
    builder.insert_header(ETag(etag.clone()));
    if conditional::is_not_modified(http, etag) {
        return Err(Box::new(builder.status(StatusCode::NOT_MODIFIED).finish()));
    }
    Ok(builder)
}

/// Begins a response such as a redirect.
pub(in crate::http) fn begin_without_etag(
    http: &HttpRequest,
    state: &AppState,
    status: StatusCode,
) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder.insert_header((header::CACHE_CONTROL, encode::cache_control(http, state, true)));
    builder.insert_header((header::VARY, encode::VARY_VALUE));
    builder
}
