//! Resources of the service besides `/graphql`, such as linked data: the queries from whose responses they are rendered pass
//! the same stages as those of clients, and a request is recorded in the same way.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ETag, EntityTag};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use async_graphql::{Request, Variables};
use data_encoding::HEXLOWER;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;

use crate::error::Error;
use crate::graphql::limits::query_cost::QueryCost;
use crate::http::admission::Permit;
use crate::http::client_id::ClientId;
use crate::http::error::HttpError;
use crate::http::graphql_handler::cache::{self, Lookup};
use crate::http::graphql_handler::extract::{self, CostReport, OperationRequest};
use crate::http::graphql_handler::identify::{self, Client};
use crate::http::graphql_handler::limits::{self, Operation};
use crate::http::graphql_handler::record::{Recorder, RequestLog};
use crate::http::graphql_handler::{encode, execute};
use crate::http::response::EncodedResponse;
use crate::http::{AppState, conditional};
use crate::model::language::AcceptedLanguages;
use crate::store::Store;
use crate::store::access::revision::Lsn;

/// Answers a request for a resource, and records the outcome.
pub(in crate::http) async fn respond(
    http: &HttpRequest,
    state: &AppState,
    work: impl AsyncFnOnce(&mut ResourceQueries<'_>) -> Result<HttpResponse, HttpError>,
) -> HttpResponse {
    let mut recorder = Recorder::start(http, state);
    let span = recorder.span();
    let result = async {
        let min_position = extract::min_position(http)?;
        let client = identify::client(http, state);
        let mut queries =
            ResourceQueries { state, client, min_position, cost: QueryCost::default(), log: &mut recorder.log };
        work(&mut queries).await
    };
    let result = result.instrument(span).await;
    if result.is_ok() {
        recorder.log.outcome = "ok";
    }
    recorder.finish(http, result)
}

/// The queries of one request.
pub(in crate::http) struct ResourceQueries<'a> {
    state: &'a AppState,
    client: Client<'a>,
    min_position: Option<Lsn>,
    /// The cost so far.
    cost: QueryCost,
    log: &'a mut RequestLog,
}

impl ResourceQueries<'_> {
    /// The data of a query. Its cost is debited from the client's quota.
    pub(in crate::http) async fn data(
        &mut self,
        document: &str,
        variables: Json,
        languages: &AcceptedLanguages,
    ) -> Result<Json, HttpError> {
        let state = self.state;
        let request = operation_request(document, variables, languages, self.min_position);
        let key = match cache::look_up(state, &request, self.log).await? {
            Lookup::Hit(cached) => {
                let name = cached.operation_name.clone();
                let operation = Operation {
                    operation_type: Some(async_graphql::parser::types::OperationType::Query),
                    name,
                    cost: cached.cost,
                };
                limits::debit(&self.client, cached.cost.total(), self.log).await?;
                self.record(&operation);
                self.log.is_cached = true;
                let json = cached.body.text().ok_or_else(|| internal("a cached response could not be decompressed"))?;
                return data_of(&json);
            }
            Lookup::Miss(key) => key,
        };
        limits::debit_minimum(&self.client, self.log).await?;
        let _permit = limits::admit(&self.client, state).await?;
        let (query, _) = request.into_query();
        let prepared = prepare(state, query)?;
        limits::debit_rest(&self.client, prepared.1.cost.total(), self.log).await?;
        self.record(&prepared.1);
        self.log.is_cached = false;
        execute(state, prepared, key, self.min_position, self.log).await
    }

    /// Debits a cost, and waits for the client's turn to read from the store.
    pub(in crate::http) async fn read_store(&mut self, cost: u64) -> Result<(Permit, Store), HttpError> {
        limits::debit(&self.client, cost, self.log).await?;
        let permit = limits::admit(&self.client, self.state).await?;
        let operation =
            Operation { operation_type: None, name: None, cost: QueryCost { nodes: cost, ..QueryCost::default() } };
        self.record(&operation);
        let reserved = cache::reserve(self.state, None, &operation, self.min_position, self.log).await?;
        Ok((permit, reserved.store))
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

    /// Debits the minimum cost, for a request that needs no query.
    pub(in crate::http) async fn debit_minimum(&mut self) -> Result<(), HttpError> {
        limits::debit_minimum(&self.client, self.log).await
    }

    /// The cost of the queries so far.
    pub(in crate::http) fn cost(&self) -> u64 {
        self.cost.total()
    }

    fn record(&mut self, operation: &Operation) {
        let QueryCost { nodes, statements, counts } = operation.cost;
        self.cost.nodes = self.cost.nodes.saturating_add(nodes);
        self.cost.statements = self.cost.statements.saturating_add(statements);
        self.cost.counts = self.cost.counts.saturating_add(counts);
        self.log.set_operation(operation.operation_type, operation.name.as_deref(), self.cost);
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
        let state = &**self.state;
        let mut log = RequestLog::new(self.request_id.clone());
        let request = operation_request(document, variables, &self.languages, self.min_position);
        let key = match cache::look_up(state, &request, &mut log).await? {
            Lookup::Hit(cached) => {
                let json = cached.body.text().ok_or_else(|| internal("a cached response could not be decompressed"))?;
                return data_of(&json);
            }
            Lookup::Miss(key) => key,
        };
        let _permit = state.admission.admit(&self.client).await.ok_or_else(HttpError::overloaded)?;
        let (query, _) = request.into_query();
        execute(state, prepare(state, query)?, key, self.min_position, &mut log).await
    }
}

fn operation_request(
    document: &str,
    variables: Json,
    languages: &AcceptedLanguages,
    min_position: Option<Lsn>,
) -> OperationRequest {
    OperationRequest {
        query: document.to_owned(),
        operation_name: None,
        variables: Variables::from_json(variables),
        languages: languages.clone(),
        is_by_id: false,
        persisted: extract::PersistedQuery::none(),
        cost_report: CostReport::Off,
        min_position,
        resume_after: None,
    }
}

/// A query that is valid, with its operation.
type Prepared = (crate::graphql::PreparedRequest, Operation);

/// Prepares a query of the service. It is valid, but can exceed a limit that is set lower than the default.
fn prepare(state: &AppState, query: Request) -> Result<Prepared, HttpError> {
    let prepared = state.schema.prepare(query).map_err(|rejected| {
        let message = rejected.errors.first().map(|error| error.message.clone()).unwrap_or_default();
        tracing::error!(%message, "a query of the service itself was rejected: raise the limit that it names");
        HttpError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "LIMIT_EXCEEDED",
            "this needs more than the service's query limits allow",
        )
    })?;
    let operation = Operation {
        operation_type: prepared.operation_type,
        name: prepared.operation_name.clone(),
        cost: prepared.cost,
    };
    Ok((prepared, operation))
}

async fn execute(
    state: &AppState,
    (prepared, operation): Prepared,
    key: Option<crate::http::response_cache::CacheKey>,
    min_position: Option<Lsn>,
    log: &mut RequestLog,
) -> Result<Json, HttpError> {
    let reserved = cache::reserve(state, key, &operation, min_position, log).await?;
    let response = execute::run(state, prepared, operation.cost, CostReport::Off, reserved.store, log).await?;
    check(&response, state)?;
    let data = data_of(&response.body)?;
    cache::insert(state, reserved.entry, &response, operation);
    Ok(data)
}

/// A resource is rendered from complete data only.
fn check(response: &EncodedResponse, state: &AppState) -> Result<(), HttpError> {
    if response.is_timed_out {
        return Err(HttpError::timeout(state.request_timeout));
    }
    match response.errors.first() {
        Some(error) => Err(internal(&error.message)),
        None => Ok(()),
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
