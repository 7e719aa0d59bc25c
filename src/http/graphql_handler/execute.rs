//! Stage 5: execution of a query.

use std::sync::Arc;

use async_graphql::{Response, ServerError};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::error::Error;
use crate::graphql::PreparedRequest;
use crate::graphql::limits::query_cost::QueryCost;
use crate::graphql::subscriptions::{EventBatch, Subscription};
use crate::http::AppState;
use crate::http::error::HttpError;
use crate::http::graphql_handler::encode;
use crate::http::graphql_handler::extract::CostReport;
use crate::http::graphql_handler::record::RequestLog;
use crate::http::response::{self, EncodedResponse};
use crate::store::Store;
use crate::store::access::health_check::Health;

/// Executes a query.
pub(super) async fn run(
    state: &AppState,
    prepared: PreparedRequest,
    cost: QueryCost,
    cost_report: CostReport,
    store: Store,
    log: &RequestLog,
) -> Result<EncodedResponse, HttpError> {
    let schema = Arc::clone(&state.schema);
    let request_id = log.request_id.clone();
    let work = async move {
        let response = schema.execute(prepared, store).await;
        encode_response(response, &request_id, |response| {
            if cost_report == CostReport::Include {
                encode::set_cost_extension(response, cost, &schema);
            }
        })
    };
    supervise(state, &log.request_id, work).await?
}

/// Starts a subscription. The inner error is the response to one that cannot start.
pub(super) async fn subscribe(
    state: &AppState,
    prepared: PreparedRequest,
    resume_after: Option<String>,
    store: Store,
    log: &RequestLog,
) -> Result<Result<Subscription, EncodedResponse>, HttpError> {
    let schema = Arc::clone(&state.schema);
    let request_id = log.request_id.clone();
    let work = async move {
        match schema.subscribe(prepared, resume_after, store).await {
            Ok(subscription) => Ok(Ok(subscription)),
            Err(response) => encode_response(*response, &request_id, |_| {}).map(Err),
        }
    };
    supervise(state, &log.request_id, work).await?
}

/// Executes the selection of a subscription for a batch of its events, each of which has a response.
pub(in crate::http) async fn events(
    state: &AppState,
    batch: EventBatch,
    store: Store,
    request_id: &str,
) -> Result<Vec<EncodedResponse>, HttpError> {
    let schema = Arc::clone(&state.schema);
    let id = request_id.to_owned();
    let work = async move {
        let responses = schema.execute_events(batch, store).await;
        responses.into_iter().map(|response| encode_response(response, &id, |_| {})).collect()
    };
    supervise(state, request_id, work).await?
}

/// Encodes a response. If the database was unavailable, it is an error: a partial response would look like a directory
/// without researchers.
fn encode_response(
    mut response: Response,
    request_id: &str,
    extend: impl FnOnce(&mut Response),
) -> Result<EncodedResponse, HttpError> {
    let is_unavailable = |error: &ServerError| matches!(error.source::<Error>(), Some(Error::Unavailable(_)));
    let has_unavailable = response.errors.iter().any(is_unavailable);
    // Before excess errors are dropped.
    let is_timed_out = response::is_timed_out(&response);
    let busy_message = busy_message(&response);
    response::sanitize_errors(&mut response, request_id);
    if has_unavailable {
        return Err(HttpError::service_unavailable(Error::UNAVAILABLE_MESSAGE));
    }
    if let Some(message) = busy_message {
        return Err(HttpError::service_unavailable(message));
    }
    extend(&mut response);
    // Encoded in the task of the query, which then frees the response tree.
    Ok(EncodedResponse { is_timed_out, ..EncodedResponse::encode(response)? })
}

/// Runs work of a request as a task, within the request timeout. If the database becomes unreachable, it fails at once.
pub(super) async fn supervise<T: Send + 'static>(
    state: &AppState,
    request_id: &str,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, HttpError> {
    // Checked first: a statement may succeed before the next health check does, and a client would see the service come
    // back and go away again.
    if state.health_monitor.health() == Health::Unreachable {
        return Err(HttpError::service_unavailable(Error::UNAVAILABLE_MESSAGE));
    }
    // The runtime's threads have a stack for the deepest query. If the client disconnects, the task is aborted.
    let task = AbortOnDropHandle::new(state.runtime.spawn(work.in_current_span()));
    let mut health_monitor = state.health_monitor.clone();
    let result = tokio::select! {
        biased;
        result = tokio::time::timeout(state.request_timeout, task) => result,
        () = health_monitor.wait_until_unreachable() => {
            return Err(HttpError::service_unavailable(Error::UNAVAILABLE_MESSAGE));
        }
    };
    match result {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => {
            tracing::error!(%request_id, %error, "the query task panicked");
            Err(HttpError::internal())
        }
        Err(_) => Err(HttpError::timeout(state.request_timeout)),
    }
}

/// Returns the reason why a field failed because too many requests wait for the same work.
fn busy_message(response: &Response) -> Option<&'static str> {
    response.errors.iter().find_map(|error| match error.source::<Error>() {
        Some(Error::Busy(message)) => Some(*message),
        _ => None,
    })
}
