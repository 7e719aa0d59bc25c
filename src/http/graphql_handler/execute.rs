//! Stage 5: execution of a query.

use std::sync::Arc;

use async_graphql::{Response, ServerError};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::error::Error;
use crate::graphql::PreparedRequest;
use crate::graphql::limits::query_cost::QueryCost;
use crate::http::AppState;
use crate::http::error::HttpError;
use crate::http::graphql_handler::encode;
use crate::http::graphql_handler::extract::CostReport;
use crate::http::graphql_handler::record::RequestLog;
use crate::http::response::{self, EncodedResponse};
use crate::store::Store;
use crate::store::access::health_check::Health;

/// Executes a query within the request timeout. If the database becomes unreachable, it fails at once.
pub(super) async fn run(
    state: &AppState,
    prepared: PreparedRequest,
    cost: QueryCost,
    cost_report: CostReport,
    store: Store,
    log: &RequestLog,
) -> Result<EncodedResponse, HttpError> {
    // Checked first: a statement may succeed before the next health check does, and a client would see the service come
    // back and go away again.
    if state.health_monitor.health() == Health::Unreachable {
        return Err(HttpError::service_unavailable(Error::UNAVAILABLE_MESSAGE));
    }
    let schema = Arc::clone(&state.schema);
    let request_id = log.request_id.clone();
    let work = async move {
        let mut response = schema.execute(prepared, store).await;
        let is_unavailable = |error: &ServerError| matches!(error.source::<Error>(), Some(Error::Unavailable(_)));
        let has_unavailable = response.errors.iter().any(is_unavailable);
        // Before excess errors are dropped.
        let is_timed_out = response::is_timed_out(&response);
        let busy_message = busy_message(&response);
        response::sanitize_errors(&mut response, &request_id);
        if has_unavailable {
            // A partial response would look like a directory without researchers.
            return Err(HttpError::service_unavailable(Error::UNAVAILABLE_MESSAGE));
        }
        if let Some(message) = busy_message {
            return Err(HttpError::service_unavailable(message));
        }
        if cost_report == CostReport::Include {
            encode::set_cost_extension(&mut response, cost, &schema);
        }
        // Encoded in this task, which then frees the response tree.
        Ok(EncodedResponse { is_timed_out, ..EncodedResponse::encode(response)? })
    };
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
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            tracing::error!(request_id = %log.request_id, %error, "the query task panicked");
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
