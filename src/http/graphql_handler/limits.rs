//! Stage 3: what rejects a request before it reaches the database: query limits and the rate limit. The concurrency limit
//! is [`Admission`](crate::http::admission::Admission).

use actix_web::HttpRequest;
use actix_web::http::Method;
use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response};

use crate::graphql::PreparedRequest;
use crate::graphql::limits::query_cost::QueryCost;
use crate::http::AppState;
use crate::http::error::HttpError;
use crate::http::graphql_handler::identify::RateLimitedClient;
use crate::http::graphql_handler::record::RequestLog;
use crate::http::rate_limit::MIN_REQUEST_COST;

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
    http: &HttpRequest,
    state: &AppState,
    query: Request,
) -> Result<Result<CheckedQuery, Box<Response>>, HttpError> {
    let prepared = match state.schema.prepare(query) {
        Ok(prepared) => prepared,
        Err(rejected) => return Ok(Err(rejected)),
    };
    if prepared.operation_type == Some(OperationType::Mutation) && http.method() == Method::GET {
        return Err(HttpError::method_not_allowed(
            "POST",
            "mutations are not allowed by GET; send the mutation by POST",
        ));
    }
    let operation = Operation {
        operation_type: prepared.operation_type,
        name: prepared.operation_name.clone(),
        cost: prepared.cost,
    };
    Ok(Ok(CheckedQuery { prepared, operation }))
}

/// Debits a query's cost from the client's rate limit.
pub(super) fn debit(client: Option<&RateLimitedClient>, cost: u64, log: &mut RequestLog) -> Result<(), HttpError> {
    if let Some(client) = client {
        let cost = u32::try_from(cost.max(MIN_REQUEST_COST)).unwrap_or(u32::MAX);
        log.quota = Some(client.debit(cost)?);
    }
    Ok(())
}
