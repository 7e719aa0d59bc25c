//! Stage 4: what rejects a request before it reaches the database: the rate limit, admission and query limits.

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response};

use crate::graphql::PreparedRequest;
use crate::graphql::limits::query_cost::QueryCost;
use crate::http::AppState;
use crate::http::admission::Permit;
use crate::http::error::HttpError;
use crate::http::graphql_handler::identify::Client;
use crate::http::graphql_handler::record::RequestLog;
use crate::http::rate_limit::MIN_REQUEST_COST;

/// How an operation was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// By GET or HEAD.
    Read,
    /// By POST.
    Write,
    /// In a way that allows several results.
    Stream,
}

/// Type, name and cost of the operation to execute.
pub(super) struct Operation {
    pub(super) operation_type: Option<OperationType>,
    pub(super) name: Option<String>,
    pub(super) cost: QueryCost,
}

/// A query that is valid and within the query limits.
pub(super) struct CheckedQuery {
    pub(super) prepared: PreparedRequest,
    pub(super) operation: Operation,
}

/// Parses and validates a query and checks the query limits. The inner error is the GraphQL response of a rejected query.
pub(super) fn check_query(
    transport: Transport,
    state: &AppState,
    query: Request,
) -> Result<Result<CheckedQuery, Box<Response>>, HttpError> {
    let prepared = match state.schema.prepare(query) {
        Ok(prepared) => prepared,
        Err(rejected) => return Ok(Err(rejected)),
    };
    if prepared.operation_type == Some(OperationType::Mutation) && transport == Transport::Read {
        return Err(HttpError::method_not_allowed(
            "POST",
            "mutations are not allowed by GET; send the mutation by POST",
        ));
    }
    if let Err(rejected) = prepared.check_operation_type(transport == Transport::Stream) {
        return Ok(Err(rejected));
    }
    let operation = Operation {
        operation_type: prepared.operation_type,
        name: prepared.operation_name.clone(),
        cost: prepared.cost,
    };
    Ok(Ok(CheckedQuery { prepared, operation }))
}

/// Debits the whole cost of a query that is not executed, because its response is cached.
pub(super) async fn debit(client: &Client<'_>, cost: u64, log: &mut RequestLog) -> Result<(), HttpError> {
    log.quota = client.debit(clamp(cost).max(MIN_REQUEST_COST)).await?.or(log.quota);
    Ok(())
}

/// Debits the minimum cost, before the cost is known. It is debited whatever becomes of the request.
pub(super) async fn debit_minimum(client: &Client<'_>, log: &mut RequestLog) -> Result<(), HttpError> {
    log.quota = client.debit_minimum().await?.or(log.quota);
    Ok(())
}

/// Debits the cost of a query whose minimum cost has been debited.
pub(super) async fn debit_rest(client: &Client<'_>, cost: u64, log: &mut RequestLog) -> Result<(), HttpError> {
    log.quota = client.debit_rest(clamp(cost)).await?.or(log.quota);
    Ok(())
}

/// Waits for the client's turn to execute a query, or rejects it with 503.
pub(super) async fn admit(client: &Client<'_>, state: &AppState) -> Result<Permit, HttpError> {
    match state.admission.admit(&client.id).await {
        Some(permit) => Ok(permit),
        None => Err(client.reject(HttpError::overloaded()).await),
    }
}

fn clamp(cost: u64) -> u32 {
    u32::try_from(cost).unwrap_or(u32::MAX)
}
