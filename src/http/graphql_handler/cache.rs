//! Stage 3: lookup in the response cache, and storing of new responses.

use async_graphql::parser::types::OperationType;

use crate::http::AppState;
use crate::http::error::HttpError;
use crate::http::graphql_handler::extract::{CostReport, OperationRequest};
use crate::http::graphql_handler::limits::Operation;
use crate::http::graphql_handler::record::RequestLog;
use crate::http::response::EncodedResponse;
use crate::http::response_cache::{CacheKey, CachedResponse, VacantEntry};
use crate::store::Store;
use crate::store::access::revision::{Lsn, PositionError};

/// The outcome of a lookup.
pub(super) enum Lookup {
    Hit(CachedResponse),
    /// With the key to store the response under; `None` if it is not cacheable.
    Miss(Option<CacheKey>),
}

/// Looks the response up. A hit skips parsing and validation.
///
/// # Errors
/// If the database does not have the position that the response must include.
pub(super) async fn look_up(
    state: &AppState,
    request: &OperationRequest,
    log: &mut RequestLog,
) -> Result<Lookup, HttpError> {
    if request.cost_report != CostReport::Off {
        return Ok(Lookup::Miss(None));
    }
    let OperationRequest { query, operation_name, variables, languages, .. } = request;
    let key = state.response_cache.make_key(|| CacheKey::new(query, operation_name.as_deref(), variables, languages));
    if let Some(key) = &key
        && let Some((cached, position)) = state.response_cache.get(&state.store, key, request.min_position).await?
    {
        log.position = Some(position);
        request.persisted.register(state);
        return Ok(Lookup::Hit(cached));
    }
    Ok(Lookup::Miss(key))
}

/// The store to execute a query against, and the cache entry for its response.
pub(super) struct Reserved {
    pub(super) store: Store,
    pub(super) entry: Option<VacantEntry>,
}

/// Reads the current revision if the client or a replica needs it, and reserves a cache entry. The cache alone does not
/// wait for the current revision.
///
/// # Errors
/// If the database does not have the position that the response must include.
pub(super) async fn reserve(
    state: &AppState,
    key: Option<CacheKey>,
    operation: &Operation,
    min_position: Option<Lsn>,
    log: &mut RequestLog,
) -> Result<Reserved, HttpError> {
    // What costs nothing reads nothing: there are endlessly many such queries, and computing them takes no longer.
    let is_cacheable = operation.operation_type == Some(OperationType::Query) && operation.cost.total() > 0;
    let key = key.filter(|_| is_cacheable);
    let is_current_needed = min_position.is_some() || !state.store.replicas().is_empty();
    let revision = match &key {
        _ if is_current_needed => state.store.revision_for(min_position).await?,
        Some(_) => state.store.known_revision().await,
        None => None,
    };
    let entry = key.and_then(|key| state.response_cache.reserve(key, revision.as_ref()));
    let store = state.store.for_request(revision.as_ref()).await;
    log.statements = Some(store.statement_counter());
    log.position = revision.map(|revision| revision.lsn);
    Ok(Reserved { store, entry })
}

/// Stores a response without errors.
pub(super) fn insert(state: &AppState, entry: Option<VacantEntry>, response: &EncodedResponse, operation: Operation) {
    if let Some(entry) = entry.filter(|_| response.errors.is_empty()) {
        state.response_cache.insert(entry, &response.body, operation.name, operation.cost);
    }
}

impl From<PositionError> for HttpError {
    fn from(error: PositionError) -> Self {
        let message = format!("X-Directory-Position: {error}");
        match error {
            PositionError::AfterEnd { .. } => Self::bad_request("BAD_USER_INPUT", message),
            PositionError::NotReplayed { .. } => Self::service_unavailable(message),
        }
    }
}
